// Before anything is drawn, so that a page does not flash in the other colours. A classic script: it waits for nothing.
{
  const chosen = localStorage.getItem('wua-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
}
