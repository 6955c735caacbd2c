// Ids of events and visitors.

// Half of a random UUID, for this page: browsers make them without TLS, too, as a part of such an address.
const tail = URL.createObjectURL(new Blob()).slice(-18);
let count = 0;

/** A UUIDv7: the time, a counter of twelve bits, and what only this page has. */
export const uuid = () =>
  ('0' + Date.now().toString(16)).replace(/.{8}/, '$&-') + '-' + (0x7000 | (count++ & 0xfff)).toString(16) + tail;
