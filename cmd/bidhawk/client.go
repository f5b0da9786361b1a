package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"bidhawk/cmd/node"
)

// client speaks to a node's API as its operator.
type client struct {
	base string
	key  string
	http http.Client
}

// newClient reads the operator's key from the file that the server wrote, or
// from BIDHAWK_API_KEY.
func newClient(cfg node.Config) (*client, error) {
	c := &client{base: "http://" + cfg.Listen.API, key: os.Getenv("BIDHAWK_API_KEY")}
	if c.key == "" {
		b, err := os.ReadFile(cfg.OperatorKeyFile())
		if err != nil {
			return nil, fmt.Errorf("no API key: BIDHAWK_API_KEY is not set, and %w", err)
		}
		c.key = strings.TrimSpace(string(b))
	}
	return c, nil
}

// get decodes the JSON answer of path into out.
func (c *client) get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, nil, out)
}

func (c *client) do(ctx context.Context, method, path string, body io.Reader, out any) error {
	b, err := c.send(ctx, method, path, body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// send returns the answer as it came; one that is no success is an error.
func (c *client) send(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err == nil && resp.StatusCode/100 != 2 {
		err = problem(method, path, resp.Status, b)
	}
	return b, err
}

// waitReady polls a node until it is ready, its process ends, or timeout.
func waitReady(ctx context.Context, operations string, exited <-chan error, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	reason := "no answer"
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+operations+"/readyz", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			b, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			reason = strings.TrimSpace(string(b))
		}
		select {
		case err := <-exited:
			return errors.Join(errors.New("the server ended before it was ready"), err)
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready after %v: %s", timeout, reason)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// problem tells an answer's problem details (RFC 9457) in one line.
func problem(method, path, status string, body []byte) error {
	path, _, _ = strings.Cut(path, "?")
	var p struct {
		Detail string `json:"detail"`
		Errors []struct {
			Field, Value, Rule string
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return fmt.Errorf("%s %s: %s: %s", method, path, status, bytes.TrimSpace(body[:min(len(body), 500)]))
	}
	text := p.Detail
	for _, e := range p.Errors {
		text += fmt.Sprintf("; %s: got %q; %s", strings.TrimPrefix(e.Field, "query."), e.Value, e.Rule)
	}
	return fmt.Errorf("%s: %s", status, text)
}
