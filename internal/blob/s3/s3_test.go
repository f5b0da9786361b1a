package s3_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"bidhawk/internal/blob/blobtest"
	"bidhawk/internal/blob/s3"
)

// server is an S3-compatible server with one bucket.
func server(t *testing.T) s3.Config {
	backend := s3mem.New()
	if err := backend.CreateBucket("ads"); err != nil {
		t.Fatal(err)
	}
	handler := gofakes3.New(backend).Server()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 0 { // an empty file, signed in chunks as it is without TLS
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return s3.Config{Endpoint: strings.TrimPrefix(srv.URL, "http://"), Bucket: "ads", Region: "us-east-1", AccessKey: "key", SecretKey: "a-secret", Insecure: true}
}

func TestStore(t *testing.T) {
	cfg := server(t)
	s, err := s3.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Run(t, s)

	cfg.Prefix = "creatives/"
	below, err := s3.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "else", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	blobtest.Run(t, below) // sees nothing of what is beside its prefix
	if _, err := s.Stat(t.Context(), "else"); err != nil {
		t.Errorf("what is beside the prefix: %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	f := func(want string, edit func(*s3.Config)) {
		t.Helper()
		c := server(t)
		c.Timeout = 2 * time.Second
		edit(&c)
		_, err := s3.Open(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		} else if strings.Contains(err.Error(), "a-secret") {
			t.Errorf("the secret is in %v", err)
		}
	}
	f("endpoint", func(c *s3.Config) { c.Endpoint = "http://x/" })
	f("bucket", func(c *s3.Config) { c.Bucket = "" })
	f("prefix", func(c *s3.Config) { c.Prefix = "../" })
	f("prefix", func(c *s3.Config) { c.Prefix = "a" })
	f("access key", func(c *s3.Config) { c.SecretKey = "" })
	f("timeout", func(c *s3.Config) { c.Timeout = -1 })
	f("no such bucket", func(c *s3.Config) { c.Bucket = "none" })
}
