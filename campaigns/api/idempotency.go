package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"bidhawk/campaigns"
)

const (
	idempotencyHeader = "Idempotency-Key"
	replayedHeader    = "Idempotency-Replayed"
	idempotencyRule   = "must be 1 to 255 visible ASCII characters, another for each request that is meant to do something"

	requestsKept = 24 * time.Hour
	// requestStale is after how long a request without an answer was cut off.
	requestStale = time.Minute
	// maxNamedBody bounds what is read of a body to tell two requests apart.
	maxNamedBody    = 32 << 20
	maxKeptAnswer   = 2 << 20
	retryUnanswered = time.Second
)

// SecretAnswer is the metadata of an operation that names the field of its answer
// that is shown once and kept nowhere.
const SecretAnswer = "secret_answer"

// keptAnswer is an answer as it is stored.
type keptAnswer struct {
	Status int                 `json:"status"`
	Header map[string][]string `json:"header"`
	Body   []byte              `json:"body"`
	Lost   bool                `json:"lost,omitempty"` // too large to be kept
}

// once answers a POST or PATCH with an Idempotency-Key at most once: a repeat gets
// the answer of the first. Only successes are kept; what failed may be tried again.
func (a *API) once(ctx huma.Context, next func(huma.Context)) {
	name := ctx.Header(idempotencyHeader)
	if name == "" || a.deps.Requests == nil || ctx.Operation().Metadata[Open] == true ||
		ctx.Method() != http.MethodPost && ctx.Method() != http.MethodPatch {
		next(ctx)
		return
	}
	if p := a.answerOnce(ctx, name, next); p != nil {
		a.write(ctx, p)
	}
}

func (a *API) answerOnce(ctx huma.Context, name string, next func(huma.Context)) *Problem {
	if len(name) > 255 || !visible(name) {
		return violation(http.StatusUnprocessableEntity, "header."+idempotencyHeader, valueText(name), idempotencyRule)
	}
	r, w := humago.Unwrap(ctx)
	body, err := io.ReadAll(io.LimitReader(r.Body, maxNamedBody+1))
	if err != nil {
		return newProblem(http.StatusBadRequest, "the body could not be read")
	}
	if len(body) > maxNamedBody {
		return newProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("with an %s a body may have at most %d bytes", idempotencyHeader, maxNamedBody))
	}
	fingerprint := sha256.Sum256(fmt.Appendf(nil, "%s %s\n%s\n%s", r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), body))
	actor, now := caller(ctx.Context()).Actor(), a.deps.Now()
	c, err := a.deps.Requests.ClaimRequest(ctx.Context(), actor, name, fingerprint[:], now.Add(-requestStale), now.Add(-requestsKept))
	switch {
	case err != nil:
		reportError(ctx.Context(), err)
		return newProblem(http.StatusInternalServerError, "")
	case !bytes.Equal(c.Fingerprint, fingerprint[:]):
		return violation(http.StatusUnprocessableEntity, "header."+idempotencyHeader, name, "must not be that of another request: a request with another path or body had it")
	case c.Answer != nil:
		return replay(w, c.Answer)
	case !c.Mine && now.Sub(c.At) < requestStale:
		p := newProblem(http.StatusConflict, "a request with this Idempotency-Key is being answered")
		p.retryAfter = int(retryUnanswered / time.Second)
		return p
	case !c.Mine:
		return a.recall(ctx, w, actor, name)
	}
	a.run(ctx, r, w, body, actor, name, next)
	return nil
}

// run answers the request, and keeps the answer.
func (a *API) run(ctx huma.Context, r *http.Request, w http.ResponseWriter, body []byte, actor, name string, next func(huma.Context)) {
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	done := false
	defer func() {
		if done {
			return
		}
		// The client may be gone, or the handler panics: the claim must not stay.
		if err := a.deps.Requests.ReleaseRequest(context.WithoutCancel(ctx.Context()), actor, name); err != nil {
			reportError(ctx.Context(), err)
		}
	}()
	r = r.WithContext(campaigns.WithRequest(ctx.Context(), campaigns.RequestName(actor, name)))
	r.Body = io.NopCloser(bytes.NewReader(body))
	next(humago.NewContext(ctx.Operation(), r, rec))
	if rec.status/100 != 2 {
		return
	}
	field, _ := ctx.Operation().Metadata[SecretAnswer].(string)
	kept, err := rec.kept(field)
	if err == nil {
		err = a.deps.Requests.AnswerRequest(context.WithoutCancel(ctx.Context()), actor, name, kept)
	}
	if err != nil {
		reportError(ctx.Context(), err) // a repeat finds the edit in the history
		return
	}
	done = true
}

// replay answers as the first time.
func replay(w http.ResponseWriter, kept []byte) *Problem {
	var k keptAnswer
	if err := json.Unmarshal(kept, &k); err != nil || k.Lost {
		return newProblem(http.StatusConflict, "the request was answered, and its answer is too large to be repeated")
	}
	for name, values := range k.Header {
		w.Header()[name] = values
	}
	w.Header().Set(replayedHeader, "true")
	w.WriteHeader(k.Status)
	_, _ = w.Write(k.Body) // the client went away: nobody to tell
	return nil
}

// recall answers a request whose edit is stored and whose answer was lost (the
// node died in between): with what it made, as the history has it.
func (a *API) recall(ctx huma.Context, w http.ResponseWriter, actor, name string) *Problem {
	found, err := a.deps.Store.Changes(ctx.Context(), campaigns.ChangeFilter{Request: campaigns.RequestName(actor, name), Limit: 2})
	if err != nil {
		reportError(ctx.Context(), err)
		return newProblem(http.StatusInternalServerError, "")
	}
	if len(found) != 1 || a.recallers[found[0].Kind] == nil {
		return newProblem(http.StatusConflict, "the request was carried out, and its answer is lost: read what it changed")
	}
	doc, path, err := a.recallers[found[0].Kind](ctx.Context(), found[0])
	if errors.Is(err, campaigns.ErrNotFound) {
		return newProblem(http.StatusConflict, "the request was carried out, and what it changed is no longer seen")
	} else if err != nil {
		reportError(ctx.Context(), err)
		return newProblem(http.StatusInternalServerError, "")
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("ETag", fmt.Sprintf("%q", fmt.Sprint(found[0].Revision)))
	h.Set(replayedHeader, "true")
	status := http.StatusOK
	if found[0].Action == campaigns.ActionCreate {
		h.Set("Location", path)
		status = http.StatusCreated
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc) // the client went away: nobody to tell
	return nil
}

// recall is the entity as a change of it left it, and its path.
func (s *server[E]) recall(ctx context.Context, c campaigns.Change) (campaigns.Document, string, error) {
	e, err := s.API.get(ctx, s.kind, c.EntityID)
	if err != nil {
		return nil, "", err
	}
	d, err := s.rewound(ctx, e, c.Revision)
	if err == nil && d == nil {
		err = campaigns.ErrNotFound
	}
	return d, fmt.Sprintf("/v1/%s/%d", s.path, c.EntityID), err
}

// recorder keeps an answer while it is sent.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	lost   bool
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.lost = r.lost || r.body.Len()+len(b) > maxKeptAnswer; !r.lost {
		r.body.Write(b)
	}
	return r.ResponseWriter.Write(b)
}

// kept is the answer as it is stored, without its secret field.
func (r *recorder) kept(secret string) ([]byte, error) {
	k := keptAnswer{Status: r.status, Header: map[string][]string{}, Lost: r.lost}
	for _, name := range []string{"Content-Type", "Etag", "Location", "Bidhawk-Note"} {
		if v := r.Header().Values(name); len(v) > 0 {
			k.Header[name] = v
		}
	}
	if k.Body = r.body.Bytes(); r.lost {
		k.Body = nil
	}
	if secret != "" {
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(k.Body, &doc); err != nil {
			return nil, fmt.Errorf("keep an answer without its secret: %w", err)
		}
		delete(doc, secret)
		var err error
		if k.Body, err = json.Marshal(doc); err != nil {
			return nil, fmt.Errorf("keep an answer without its secret: %w", err)
		}
	}
	return json.Marshal(k)
}

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// limit answers 429 to a caller that asks too often.
func (a *API) limit(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().Metadata[Open] != true {
		if wait, ok := a.requests.take(caller(ctx.Context()).Actor(), 1, a.deps.Now()); !ok {
			p := newProblem(http.StatusTooManyRequests, "too many requests")
			p.retryAfter = seconds(wait)
			a.write(ctx, p)
			return
		}
	}
	next(ctx)
}
