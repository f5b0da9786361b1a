package bidder

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
)

// This file shows bids' own markup in a real Chromium, moves it in and out of view,
// and compares when the beacon comes with what the MRC's rule says of the moves.

// scene is one ad and what happens to it. A step says, so many milliseconds after
// the start, which part of the ad is in view, in percent; "hide", "show": the page;
// "expose": the container of an app tells that much.
type scene struct {
	name     string
	w, h     int
	wait     time.Duration
	creative campaigns.Creative
	app      bool
	inline   bool // in the page itself; else in a frame of another origin
	steps    []sceneStep
	need     int // percent
}

type sceneStep struct {
	at, part int
	hide     bool
	show     bool
}

func scenes(adURL string) []scene {
	image := func(w, h int) campaigns.Creative {
		return campaigns.Creative{Name: "ad", W: w, H: h, ImageURL: adURL, LandingURL: "https://shop.example/"}
	}
	broken, tag, video, mraid := image(300, 250), image(300, 250), image(300, 250), image(300, 250)
	broken.ImageURL = adURL + "-missing"
	tag.ImageURL, tag.HTML = "", `<p>no part of it has its size</p><a href="${CLICK_URL}">go</a>`
	video.Attr = []int{6}
	mraid.ImageURL, mraid.HTML, mraid.API = "", `<p>in an app</p>`, []int{6}
	part := func(at, part int) sceneStep { return sceneStep{at: at, part: part} }
	small := func(name string, c campaigns.Creative, steps ...sceneStep) scene {
		return scene{name: name, w: 300, h: 250, wait: time.Second, need: 50, creative: c, steps: steps}
	}
	large := func(name string, steps ...sceneStep) scene {
		return scene{name: name, w: 970, h: 250, wait: time.Second, need: 30, creative: image(970, 250), steps: steps}
	}
	list := []scene{
		small("half", image(300, 250), part(0, 50)),
		small("less", image(300, 250), part(0, 48)),
		small("brief", image(300, 250), part(0, 100), part(600, 0)),
		small("again", image(300, 250), part(0, 100), part(600, 20), part(1200, 80)),
		small("hidden", image(300, 250), part(0, 100), sceneStep{at: 500, part: 100, hide: true}, sceneStep{at: 2000, part: 100, show: true}),
		small("tag", tag, part(300, 60)),
		small("broken", broken, part(0, 100)),
		large("large", part(0, 32)),
		large("large-less", part(0, 28)),
	}
	v := small("video", video, part(0, 100))
	v.wait = 2 * time.Second
	in := small("inline", image(300, 250), part(200, 70))
	in.inline = true
	app := small("mraid", mraid, part(0, 0), part(900, 100))
	app.app = true
	return append(list, v, in, app)
}

// stage is the exchange, the page and the clock of one run.
type stage struct {
	t      *testing.T
	house  *house
	origin string // of our trackers and of frames
	page   string // the publisher's
	scenes []scene
	bids   map[ids.BidID]string // names of scenes
	frames map[string]string    // markup, by name
	ready  chan struct{}        // closed once bids and frames stand
	done   chan struct{}

	mu    sync.Mutex
	marks map[string][]mark
	cause string // what the page could not do
}

type mark struct {
	at   time.Time
	part int
	hide bool
}

func listen(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// browserOf is a Chromium, or the test is skipped; where it is required, it fails.
func browserOf(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	if os.Getenv("BIDHAWK_TEST_CHROMIUM") == "required" {
		t.Fatal("no Chromium; want one on the PATH or in CHROMIUM")
	}
	t.Skip("no Chromium on the PATH or in CHROMIUM: viewability was not tried in a browser")
	return ""
}

// TestViewabilityInChromium needs some five seconds.
func TestViewabilityInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	browser := browserOf(t)
	s := &stage{t: t, bids: map[ids.BidID]string{}, frames: map[string]string{}, ready: make(chan struct{}), done: make(chan struct{}), marks: map[string][]mark{}}
	s.origin = listen(t, s.serve)
	s.page = listen(t, s.serve)
	s.scenes = scenes(s.origin + "/ad.svg")
	s.cast()
	close(s.ready)
	cmd := exec.Command(browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
		"--disable-background-networking", "--window-size=1700,1500", "--user-data-dir="+t.TempDir(), s.page+"/page")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	}()
	select {
	case <-s.done:
	case <-time.After(90 * time.Second):
		t.Fatal("the browser did not come to the end of the page")
	}
	time.Sleep(500 * time.Millisecond) // for the beacons of leaving
	s.judge()
}

// cast bids for each scene.
func (s *stage) cast() {
	s.house = newHouse(s.t, newCatalog(nil, nil), func(c *Config, d *Deps) { c.PublicURL, d.Clock = s.origin, time.Now })
	for _, sc := range s.scenes {
		li := priced(campaigns.PricingVCPM)
		cat := newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{sc.creative})
		cat.Campaigns[3].Start, cat.Campaigns[3].End = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if err := s.house.SetCatalog(cat); err != nil {
			s.t.Fatal(err)
		}
		body := inSlot(fmt.Sprintf(`"banner":{"w":%d,"h":%d,"api":[6]}`, sc.w, sc.h))
		if sc.app {
			body = strings.Replace(body, `"site":{`, `"app":{"bundle":"com.news"},"was":{`, 1)
		}
		_, bid := answered(s.t, s.house.bid(body))
		var id ids.BidID
		if err := id.UnmarshalText([]byte(bid.ID)); err != nil {
			s.t.Fatal(err)
		}
		s.bids[id], s.frames[sc.name] = sc.name, bid.AdM
	}
}

const adImage = `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="250"><rect width="300" height="250" fill="teal"/></svg>`

func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	<-s.ready
	name := r.URL.Query().Get("s")
	body, _ := io.ReadAll(r.Body)
	switch {
	case r.URL.Path == "/page":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, s.pageHTML())
	case r.URL.Path == "/frame":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!DOCTYPE html><style>body{margin:0}</style><script>`+frameScript+`</script>`+s.frames[name])
	case r.URL.Path == "/ad.svg":
		w.Header().Set("Content-Type", "image/svg+xml")
		io.WriteString(w, adImage)
	case r.URL.Path == "/mark":
		s.mark(name, body)
	case r.URL.Path == "/done":
		close(s.done)
	case strings.HasPrefix(r.URL.Path, "/t/"):
		got := s.house.call(r.Method, r.URL.RequestURI(), string(body), "User-Agent", r.UserAgent())
		w.Header().Set("Content-Type", string(got.Header.ContentType()))
		w.WriteHeader(got.StatusCode())
		w.Write(got.Body())
	default:
		w.WriteHeader(404)
	}
}

func (s *stage) mark(name string, body []byte) {
	var m struct {
		At   int64
		Part int
		Hide bool
	}
	if err := json.Unmarshal(body, &m); err != nil {
		s.cause = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks[name] = append(s.marks[name], mark{time.UnixMilli(m.At), m.Part, m.Hide})
}

// frameScript stands for what surrounds a frame: whether its tab is shown, and an
// app's container.
const frameScript = `
var shown = 'visible', exposed = function () {};
Object.defineProperty(document, 'visibilityState', { get: function () { return shown; } });
if (location.search === '?s=mraid') window.mraid = {
	getState: function () { return 'default'; }, getVersion: function () { return '3.0'; },
	addEventListener: function (name, f) { if (name === 'exposureChange') exposed = f; },
};
addEventListener('message', function (e) {
	if (e.data.part !== undefined) exposed(e.data.part);
	if (!e.data.state) return;
	shown = e.data.state;
	document.dispatchEvent(new Event('visibilitychange'));
});`

// pageHTML lays the scenes out. A scene's box is as large as its ad and clips it:
// scrolled by a part of its height, it shows that part.
func (s *stage) pageHTML() string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><title>publisher</title><style>body{margin:0}.box{overflow:hidden;float:left;margin:4px}iframe{border:0;display:block}</style>`)
	for _, sc := range s.scenes {
		size := fmt.Sprintf("width:%dpx;height:%dpx", sc.w, sc.h)
		ad := fmt.Sprintf(`<iframe src="%s" width="%d" height="%d" scrolling="no"></iframe>`, html.EscapeString(s.origin+"/frame?s="+sc.name), sc.w, sc.h)
		if sc.inline {
			ad = s.frames[sc.name]
		}
		fmt.Fprintf(&b, `<div class="box" id="%s" style="%s"><div style="%s"></div><div style="%s">%s</div></div>`, sc.name, size, size, size, ad)
	}
	var plan []string
	for _, sc := range s.scenes {
		for _, st := range sc.steps {
			state := ""
			if st.hide {
				state = "hidden"
			} else if st.show {
				state = "visible"
			}
			plan = append(plan, fmt.Sprintf(`[%q,%d,%d,%q,%v]`, sc.name, st.at, st.part, state, sc.app))
		}
	}
	fmt.Fprintf(&b, `<script>
onload = function () {
	setTimeout(function () {
		[%s].forEach(function (p) {
			setTimeout(function () {
				var box = document.getElementById(p[0]), frame = box.querySelector('iframe'), at = Date.now();
				var part = p[2];
				if (p[4]) frame.contentWindow.postMessage({ part: part }, '*'); else if (p[3]) frame.contentWindow.postMessage({ state: p[3] }, '*');
				box.scrollTop = p[4] ? box.clientHeight : box.clientHeight * part / 100;
				fetch('/mark?s=' + p[0], { method: 'POST', body: JSON.stringify({ at: at, part: part, hide: p[3] === 'hidden' }) });
			}, p[1]);
		});
		setTimeout(function () { location = '/leave'; }, 4600);
		setTimeout(function () { navigator.sendBeacon('/done'); }, 4500);
	}, 500);
};
</script>`, strings.Join(plan, ","))
	return b.String()
}

// judge compares beacons with marks.
func (s *stage) judge() {
	type event struct {
		Type    string
		At      time.Time
		Bid     ids.BidID
		Engaged int64 `json:"engaged_ms"`
	}
	views, engaged := map[string][]time.Time{}, map[string]int64{}
	for _, text := range s.house.events.of("exposures") {
		var e event
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			s.t.Fatal(err)
		}
		switch e.Type {
		case "viewable":
			views[s.bids[e.Bid]] = append(views[s.bids[e.Bid]], e.At)
		case "engaged":
			engaged[s.bids[e.Bid]] = e.Engaged
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != "" {
		s.t.Fatal(s.cause)
	}
	for _, sc := range s.scenes {
		marks := s.marks[sc.name]
		if len(marks) != len(sc.steps) {
			s.t.Fatalf("%s: got %d marks; want %d", sc.name, len(marks), len(sc.steps))
		}
		due, sure := viewDue(marks, sc.need, sc.wait)
		got := views[sc.name]
		if sc.name == "broken" { // nothing to be seen
			due = time.Time{}
		}
		switch {
		case due.IsZero() && sure && len(got) != 0:
			s.t.Errorf("%s: viewable %v after the first mark; want never", sc.name, got[0].Sub(marks[0].at))
		case due.IsZero():
		case len(got) != 1:
			s.t.Errorf("%s: viewable %d times; want once", sc.name, len(got))
		case got[0].Before(due):
			s.t.Errorf("%s: viewable %v before it was", sc.name, due.Sub(got[0]))
		case got[0].Sub(due) > 3*time.Second:
			s.t.Errorf("%s: viewable %v after it was; the browser may have been slow", sc.name, got[0].Sub(due))
		default:
			s.t.Logf("%s: viewable %v after the rule was met; in view %d ms", sc.name, got[0].Sub(due).Round(time.Millisecond), engaged[sc.name])
		}
	}
	if ms := engaged["half"]; ms < 2500 || ms > 6000 {
		s.t.Errorf("half: in view for %d ms; want some 4.5 s", ms)
	}
	if ms, said := engaged["less"]; said {
		s.t.Errorf("less: in view for %d ms; want nothing said", ms)
	}
	if ms := engaged["brief"]; ms < 200 || ms > 1500 {
		s.t.Errorf("brief: in view for %d ms; want some 600", ms)
	}
}

// viewDue is the rule itself: the first instant at which enough was in view for long
// enough. The zero time where there is none; sure is false where that is too close to
// tell, since a busy machine moves late.
func viewDue(marks []mark, need int, wait time.Duration) (due time.Time, sure bool) {
	const close = 150 * time.Millisecond
	sure = true
	var from time.Time
	for i, m := range marks {
		on := m.part >= need && !m.hide
		if on && from.IsZero() {
			from = m.at
		}
		if !from.IsZero() && (!on || i == len(marks)-1) {
			lasted := m.at.Sub(from)
			if on {
				lasted = time.Hour
			}
			if lasted >= wait+close {
				return from.Add(wait), true
			}
			sure = sure && lasted < wait-close
			from = time.Time{}
		}
	}
	return time.Time{}, sure
}
