// Videos: each play, its quarters, its end.

import { cut, on } from './browser.js';

const QUARTERS = 4;

// How many quarters of a video were reported; none that is not being watched.
const watched = new WeakMap();

const played = ({ target: video }) => {
  // One that plays by itself and says nothing is decoration.
  if (video.localName != 'video' || (video.autoplay && video.muted)) return;
  const before = watched.get(video);
  const quarter = video.ended ? QUARTERS : ((video.currentTime / video.duration) * QUARTERS) | 0;
  const about = {
    video: cut(video.id || video.currentSrc, 256),
    position_s: video.currentTime,
    percent: quarter * (100 / QUARTERS),
  };
  if (before == undefined) {
    if (video.paused || video.ended) return;
    wua('', about, 'video_play');
  } else if (quarter > before) {
    wua(video.ended ? 'video_complete' : 'video_progress', about);
  } else return;
  video.ended ? watched.delete(video) : watched.set(video, quarter);
};

export const watchVideos = () => on('play timeupdate ended', played);
