// Tells once that a banner was viewable, by the MRC's Viewable Ad Impression
// Measurement Guidelines (2.0, 2015): half of its pixels for one continuous second,
// of a large one (242,500 pixels and more) 30%, of video half for two seconds, in a
// page that is shown. When the page is left it tells how long that lasted in all.
//
// <script src=".../t/view.js#300x250!TOKEN" async=""></script> stands behind the ad;
// "v" before the size says video. What follows the # never reaches the server, so
// that one cached copy serves every ad.
(function () {
  'use strict';
  var me = document.currentScript;
  var said = me && /^(.*\/)view\.js#(v?)(\d+)x(\d+)!([\w-]+)$/.exec(me.src);
  if (!said || !window.IntersectionObserver) return;
  var events = said[1] + 'event/', video = said[2] === 'v', w = +said[3], h = +said[4], token = said[5];
  var share = !video && w * h >= 242500 ? 0.3 : 0.5, wait = video ? 2000 : 1000;

  var inView = false; // enough pixels are within the window
  var onScreen = true; // an app's container shows its web view; a browser's always does
  var counting = false; // both, and the page is shown
  var since = 0, last = 0, total = 0; // milliseconds
  var viewed = false, left = false, timer = 0, beat = 0, pending = [];

  // The ad: what stands before this script and has its size, or else that much of
  // the frame that we are alone in.
  function fits(e) {
    var r = e.getBoundingClientRect();
    return r.width >= 0.8 * w && r.height >= 0.8 * h && r.width <= 1.5 * w && r.height <= 1.5 * h;
  }
  function find() {
    for (var s = me.previousElementSibling; s; s = s.previousElementSibling) {
      if (s.tagName === 'SCRIPT') continue;
      if (fits(s)) return s;
      var within = s.querySelectorAll('img,video,canvas,iframe,object,svg,a,div,ins');
      for (var i = 0; i < within.length; i++) if (fits(within[i])) return within[i];
    }
    return null;
  }
  function stand() {
    var e = document.createElement('div');
    e.style.cssText = 'position:fixed;left:0;top:0;width:' + w + 'px;height:' + h + 'px;visibility:hidden;pointer-events:none';
    (document.body || document.documentElement).appendChild(e);
    return e;
  }
  // An image of the ad's width that has not come, or never does, is no ad yet; it
  // has no size then.
  function rendered() {
    for (var s = me.previousElementSibling; s; s = s.previousElementSibling) {
      var images = s.tagName === 'IMG' ? [s] : s.querySelectorAll('img');
      for (var i = 0; i < images.length; i++) {
        var image = images[i];
        if (+image.getAttribute('width') === w && !(image.complete && image.naturalWidth > 0)) return false;
      }
    }
    return true;
  }

  function update() {
    var now = performance.now(), on = inView && onScreen && document.visibilityState === 'visible';
    if (on === counting) return;
    counting = on;
    if (on) {
      since = last = now;
      beat = setInterval(count, 500);
      if (!viewed) timer = setTimeout(confirm, wait);
    } else {
      count();
      clearInterval(beat);
      clearTimeout(timer);
    }
  }
  // A machine that slept between two beats showed nothing.
  function count() {
    var now = performance.now();
    total += Math.min(now - last, 1000);
    last = now;
  }
  // The time is over: if the next frame still shows the ad, it was there all along.
  function confirm() {
    var from = since;
    requestAnimationFrame(function () {
      setTimeout(function () {
        take(observer.takeRecords());
        if (viewed || !counting || since !== from) return;
        viewed = true;
        send(events + 'viewable/' + token, 3);
      }, 0);
    });
  }
  function take(entries) {
    if (!entries.length) return;
    var e = entries[entries.length - 1];
    // Half a pixel is lost to rounding where the browser zooms.
    inView = e.isIntersecting && e.intersectionRatio >= share - 0.001;
    update();
  }
  // A repeat is harmless: each event of an ad counts once.
  function send(url, tries) {
    var i = new Image();
    pending.push(i); // or it may be collected before it is sent
    i.onerror = function () { if (tries > 0) setTimeout(function () { send(url, tries - 1); }, 2000); };
    i.src = url;
  }
  // The first time that the page is left: whether it comes back nobody can promise.
  function leave() {
    if (counting) count();
    if (left || total < 1) return;
    left = true;
    var url = events + 'engaged/' + token + '?ms=' + Math.round(total);
    if (!(navigator.sendBeacon && navigator.sendBeacon(url))) send(url, 0);
  }

  // In an app, only the container knows whether its web view is on the screen
  // (MRAID 3.0 section 7, exposureChange; before it, viewableChange).
  function watchContainer(m) {
    onScreen = false;
    function ready() {
      if (parseInt(m.getVersion && m.getVersion(), 10) >= 3) {
        m.addEventListener('exposureChange', function (percent) { onScreen = percent >= 100 * share; update(); });
        return;
      }
      onScreen = m.isViewable();
      m.addEventListener('viewableChange', function (v) { onScreen = v === true || v === 'true'; update(); });
      update();
    }
    if (m.getState() === 'loading') m.addEventListener('ready', ready); else ready();
  }

  var observer = new IntersectionObserver(take, { threshold: [0, share - 0.001, share, 0.75, 1] });
  var tries = 0;
  function start() {
    var ad = rendered() ? find() : null;
    if (!ad && rendered() && window.parent !== window && (document.readyState === 'complete' || tries > 20)) ad = stand();
    if (ad) { observer.observe(ad); return; }
    if (++tries < 150) setTimeout(start, 200); // what a tag brings may take its time
  }
  if (window.mraid && typeof window.mraid.getState === 'function') watchContainer(window.mraid); // an element may have that id
  document.addEventListener('visibilitychange', function () {
    if (document.visibilityState === 'hidden') leave();
    update();
  });
  window.addEventListener('pagehide', leave);
  start();
})();
