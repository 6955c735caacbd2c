/** Types of the browser script of Web User Analytics; see docs/SDK.md. */

/** At most 64 keys and 8 KiB of JSON, 8 levels deep. */
export type Properties = Record<string, unknown>;

export interface Identity extends Properties {
  /** Your own id of the person, at most 128 characters; '' signs out, and whoever comes is somebody else. */
  user_id: string | number;
}

export interface Goal extends Properties {
  goal: string;
}

export interface Purchase extends Properties {
  /** In units of `currency`, not in cents; from 0 to 1,000,000,000. */
  revenue: number;
  /** Three capital letters, e.g. EUR. */
  currency?: string;
  order_id?: string;
}

export interface Exposure extends Properties {
  experiment: string;
  variant: string;
}

/** Tells of an event; never throws, and never returns anything. */
export interface Wua {
  /** From now on, also on later pages, events are of this user as well. */
  (name: '$identify', properties: Identity): void;
  (name: '$goal', properties: Goal): void;
  (name: '$purchase', properties: Purchase): void;
  (name: '$exposure', properties: Exposure): void;
  /** With `data-consent` on the tag: `true` begins; `false` ends, and deletes all that is stored. */
  (name: '$consent', given: boolean): void;
  /** An event of your own: at most 128 characters, not beginning with `$`. */
  <Name extends string>(name: Name extends `$${string}` ? never : Name, properties?: Properties): void;
  /** Calls from before the script was there. */
  q?: IArguments[];
}

declare global {
  const wua: Wua;
  interface Window {
    wua: Wua;
  }
}
