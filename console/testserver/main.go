// Command testserver serves the console and a made-up /v1/live on loopback, so
// that a browser can be shown every state of a server without running one. It
// ends by itself. POST /testserver?scenario=NAME changes what it plays.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"bidhawk/console"
)

// key is the one API key that the server takes, but for the scenario "refuse".
const key = "bhk_testserver"

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address; its port 0 takes any")
	last := flag.Duration("for", 5*time.Minute, "end after so long")
	scenario := flag.String("scenario", "normal", "what to play at first: "+strings.Join(names(), ", "))
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *last)
	defer cancel()
	if err := run(ctx, *listen, *scenario); err != nil {
		fmt.Fprintln(os.Stderr, "testserver:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listen, scenario string) error {
	if _, ok := scenarios()[scenario]; !ok {
		return fmt.Errorf("scenario: %q; want one of %v", scenario, names())
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	s := &server{scenario: scenario, start: time.Now(), switches: map[int64]killSwitch{}}
	srv := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	fmt.Printf("http://%s/live/#key=%s\n", l.Addr(), key)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return errors.Join(srv.Close(), ignoreClosed(<-served))
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// server plays one scenario at a time.
type server struct {
	start time.Time

	mu       sync.Mutex
	scenario string
	switches map[int64]killSwitch // by target; 0: everything
}

type killSwitch struct {
	Scope  string    `json:"scope"`
	Target int64     `json:"target,omitempty"`
	On     bool      `json:"on"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// brake is a switch that is on, as GET /v1/brakes tells it.
type brake struct {
	killSwitch
	Name    string `json:"name,omitempty"`
	Release string `json:"release"`
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", console.Handler())
	mux.HandleFunc("POST /testserver", s.change)
	mux.HandleFunc("GET /v1/live", s.guard(s.live))
	mux.HandleFunc("GET /v1/kill-switches", s.guard(s.list))
	mux.HandleFunc("GET /v1/brakes", s.guard(s.brakes))
	mux.HandleFunc("PUT /v1/kill-switches", s.guard(s.set))
	return mux
}

func (s *server) change(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("scenario")
	if _, ok := scenarios()[name]; !ok {
		problem(w, http.StatusUnprocessableEntity, "no such scenario: "+name)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scenario = name
	clear(s.switches)
	for _, k := range scenarios()[name].switches {
		k.By, k.At = cmp.Or(k.By, "night shift"), s.start
		s.switches[k.Target] = k
	}
}

// guard does to every answer what the scenario does to the whole server.
func (s *server) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		name := s.scenario
		s.mu.Unlock()
		switch {
		case name == "gone":
			panic(http.ErrAbortHandler) // cuts the connection
		case name == "refuse" || r.Header.Get("Authorization") != "Bearer "+key:
			problem(w, http.StatusUnauthorized, "the API key is unknown or revoked")
		case name == "forbid":
			problem(w, http.StatusForbidden, "the key's role is advertiser; want operator")
		case name == "broken":
			problem(w, http.StatusInternalServerError, "the reports' store does not answer")
		default:
			next(w, r)
		}
	}
}

func (s *server) live(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, all := s.switches[0]
	all = all && s.switches[0].On
	write(w, http.StatusOK, scenarios()[s.scenario].body(s.start, time.Now(), all))
}

func (s *server) list(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []killSwitch{}
	for _, k := range s.switches {
		items = append(items, k)
	}
	write(w, http.StatusOK, map[string]any{"items": items})
}

func (s *server) brakes(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []brake{}
	for _, target := range slices.Sorted(maps.Keys(s.switches)) {
		k := s.switches[target]
		if !k.On {
			continue
		}
		b := brake{killSwitch: k, Release: "bidhawk release all --reason R"}
		if target != 0 {
			b.Name, b.Release = "Spring <b>sale</b>", fmt.Sprintf("bidhawk release %s %d --reason R", k.Scope, target)
		}
		items = append(items, b)
	}
	write(w, http.StatusOK, map[string]any{"items": items})
}

func (s *server) set(w http.ResponseWriter, r *http.Request) {
	var k killSwitch
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&k); err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	if strings.Contains(k.Reason, "refuse me") {
		problem(w, http.StatusUnprocessableEntity, "a rule is broken",
			map[string]string{"field": "kill_switch.reason", "value": k.Reason, "rule": "must not ask to be refused"})
		return
	}
	k.By, k.At = "testserver", time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.switches[k.Target] = k
	write(w, http.StatusOK, k)
}

func problem(w http.ResponseWriter, status int, detail string, violations ...map[string]string) {
	write(w, status, map[string]any{"title": http.StatusText(status), "status": status, "detail": detail, "errors": violations})
}

func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // of our own types
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the page went away: nobody to tell
}
