// Keeps an open page fresh. Without it the page reloads itself; nothing else depends on it.
"use strict";

// Moments in the reader's own time.
const moments = (root) => {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.getTime())) {
      const how = { dateStyle: "medium", timeStyle: "medium" };
      time.textContent = moment.toLocaleString(document.documentElement.lang, how);
    }
  }
};

// The server escapes what machines say; this only puts its HTML in place.
const fromHtml = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
};

const replaceTile = (grid, id, html) => {
  const fresh = fromHtml(html);
  const old = document.getElementById(id);
  if (!old) {
    grid?.append(fresh);
    return;
  }
  const hadFocus = old.contains(document.activeElement);
  const mood = old.dataset.mood;
  old.replaceWith(fresh);
  if (hadFocus) fresh.querySelector("a")?.focus({ preventScroll: true });
  // The rest of a machine's own page follows from its state.
  if (!grid && fresh.dataset.mood !== mood) location.reload();
};

const apply = (change) => {
  const grid = document.getElementById("grid");
  for (const [id, html] of Object.entries(change.tiles ?? {})) {
    if (grid || document.getElementById(id)) replaceTile(grid, id, html);
  }
  if (grid && change.order) {
    const focused = document.activeElement;
    change.order.forEach((id, i) => {
      const tile = document.getElementById(id);
      if (tile && grid.children[i] !== tile) grid.insertBefore(tile, grid.children[i] ?? null);
    });
    if (grid.contains(focused)) focused.focus({ preventScroll: true });
    document.getElementById("empty").hidden = change.order.length > 0;
  }
  const summary = document.getElementById("summary");
  if (summary && change.summary !== undefined) summary.innerHTML = change.summary;
  const panic = document.getElementById("panic");
  if (panic && change.panic !== undefined && !panic.contains(document.activeElement)) {
    panic.innerHTML = change.panic;
    moments(panic);
  }
  const banner = document.getElementById("banner");
  if (banner && change.banner !== undefined && !banner.contains(document.activeElement)) {
    banner.innerHTML = change.banner;
  }
};

const follow = (address) => {
  const lost = document.getElementById("lost");
  const source = new EventSource(address);
  source.onmessage = (event) => {
    lost.hidden = true;
    apply(JSON.parse(event.data));
    document.body.dataset.fresh = "true";
  };
  source.onerror = () => {
    lost.hidden = false;
    // Closed for good: the login has ended, or the coordinator was restarted.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
  };
  source.onopen = () => {
    lost.hidden = true;
  };
  addEventListener("pagehide", () => source.close());
};

moments(document);
if (document.body.dataset.live) follow(document.body.dataset.live);
