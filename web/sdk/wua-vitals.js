// Loaded when the page is: what can wait, so that the first file stays small. It speaks through `wua` only.

import { watchForms } from './forms.js';
import { watchVideos } from './videos.js';
import { watchVitals } from './vitals.js';

watchForms();
watchVideos();
(window.requestIdleCallback || setTimeout)(watchVitals);
