package attribution

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

type (
	viewsOutput struct {
		Body struct {
			Items []View `json:"items"`
		}
	}
	viewInput struct {
		ID int64 `path:"id"`
	}
	viewBody struct {
		Name  string `json:"name" doc:"1 to 200 bytes"`
		Query string `json:"query" doc:"parameters of GET /v1/reports, such as range=last_7_days&group_by=day"`
	}
	newViewInput  struct{ Body viewBody }
	editViewInput struct {
		ID   int64 `path:"id"`
		Body viewBody
	}
	viewOutput  struct{ Body View }
	linksOutput struct {
		Body struct {
			Items []ViewLink `json:"items"`
		}
	}
	newLinkInput struct {
		ID   int64 `path:"id"`
		Body struct {
			Days int `json:"expires_in_days" doc:"1 to 365"`
		}
	}
	newLinkOutput struct {
		Body struct {
			ViewLink
			Token string `json:"token" doc:"told this once"`
			Path  string `json:"path" doc:"where the view is read, without a key"`
		}
	}
	linkInput struct {
		ID   int64 `path:"id"`
		Link int64 `path:"link"`
	}
	sharedInput struct {
		Token  string `path:"token"`
		Format string `query:"format" doc:"json, csv or ndjson"`
		Accept string `header:"Accept"`
	}
)

// maxQuery bounds a view's question.
const maxQuery = 4_000

func (h *handlers) registerViews(api huma.API) {
	errs := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity}
	op := func(method, path, id, about string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Summary: about, Tags: []string{"reports"}, MaxBodyBytes: 16 << 10, Errors: errs,
			Description: "A view is a saved question of GET /v1/reports. It belongs to the tenant of the key or session that made it."}
	}
	huma.Register(api, op(http.MethodGet, "/v1/report-views", "list-report-views", "Saved views"), h.views)
	create := op(http.MethodPost, "/v1/report-views", "create-report-view", "Save a view")
	create.DefaultStatus = http.StatusCreated
	huma.Register(api, create, h.createView)
	huma.Register(api, op(http.MethodPut, "/v1/report-views/{id}", "update-report-view", "Change a saved view"), h.updateView)
	huma.Register(api, op(http.MethodDelete, "/v1/report-views/{id}", "delete-report-view", "Forget a view; its links end"), h.deleteView)
	huma.Register(api, op(http.MethodGet, "/v1/report-views/{id}/links", "list-report-links", "Links to a view, without their tokens"), h.links)
	share := op(http.MethodPost, "/v1/report-views/{id}/links", "create-report-link", "Make a link that reads exactly this view")
	share.DefaultStatus = http.StatusCreated
	huma.Register(api, share, h.share)
	huma.Register(api, op(http.MethodDelete, "/v1/report-views/{id}/links/{link}", "revoke-report-link", "End a link"), h.unshare)
	shared := op(http.MethodGet, "/v1/shared-reports/{token}", "get-shared-report", "A view, by a link to it")
	shared.Description = "Needs no key: whoever has the link reads exactly this view, as it is saved, until the link expires or is revoked. What the house pays and keeps is not in it unless every contract tells it."
	shared.Metadata = map[string]any{"open": true} // campaigns/api.Open
	huma.Register(api, shared, h.shared)
}

// whose is the owner of views that p makes.
func whose(ctx context.Context) (campaigns.Principal, campaigns.Owner, error) {
	p, err := caller(ctx)
	return p, p.Owner, err
}

func viewError(err error) error {
	switch {
	case errors.Is(err, ErrNoView):
		return huma.Error404NotFound("no such view or link")
	case errors.Is(err, ErrTooManyViews):
		return huma.Error422UnprocessableEntity("too many", &huma.ErrorDetail{Location: "body", Message: fmt.Sprintf("want at most %d views, and %d links of one that are in force", maxViews, maxLinks)})
	}
	return err
}

func (h *handlers) views(ctx context.Context, _ *struct{}) (*viewsOutput, error) {
	_, o, err := whose(ctx)
	if err != nil {
		return nil, err
	}
	out := &viewsOutput{}
	out.Body.Items, err = h.Service.Views(ctx, o)
	return out, err
}

func (h *handlers) createView(ctx context.Context, in *newViewInput) (*viewOutput, error) {
	return h.saveView(ctx, 0, &in.Body)
}

func (h *handlers) updateView(ctx context.Context, in *editViewInput) (*viewOutput, error) {
	return h.saveView(ctx, in.ID, &in.Body)
}

func (h *handlers) saveView(ctx context.Context, id int64, b *viewBody) (*viewOutput, error) {
	p, o, err := whose(ctx)
	if err != nil {
		return nil, err
	}
	var f faults
	if b.Name == "" || len(b.Name) > 200 {
		f.add("body.name", clip(b.Name), "want 1 to 200 bytes")
	}
	in, err := questionOf(b.Query)
	if err != nil {
		f.add("body.query", clip(b.Query), err.Error())
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	if _, page, err := h.query(p, in); err != nil {
		return nil, err
	} else if page.limit > 0 {
		f.add("body.query", clip(b.Query), "want no limit and cursor: a view is a whole report")
		return nil, f.err()
	}
	v, err := h.Service.SaveView(ctx, o, id, b.Name, b.Query)
	if err != nil {
		return nil, viewError(err)
	}
	return &viewOutput{v}, nil
}

func (h *handlers) deleteView(ctx context.Context, in *viewInput) (*struct{}, error) {
	_, o, err := whose(ctx)
	if err != nil {
		return nil, err
	}
	return nil, viewError(h.Service.DeleteView(ctx, o, in.ID))
}

func (h *handlers) links(ctx context.Context, in *viewInput) (*linksOutput, error) {
	_, o, err := whose(ctx)
	if err != nil {
		return nil, err
	}
	out := &linksOutput{}
	out.Body.Items, err = h.Service.ViewLinks(ctx, o, in.ID)
	return out, viewError(err)
}

func (h *handlers) share(ctx context.Context, in *newLinkInput) (*newLinkOutput, error) {
	_, o, err := whose(ctx)
	if err != nil {
		return nil, err
	}
	if in.Body.Days < 1 || in.Body.Days > 365 {
		var f faults
		f.add("body.expires_in_days", in.Body.Days, "want 1 to 365")
		return nil, f.err()
	}
	l, token, err := h.Service.Share(ctx, o, in.ID, h.now().AddDate(0, 0, in.Body.Days))
	if err != nil {
		return nil, viewError(err)
	}
	out := &newLinkOutput{}
	out.Body.ViewLink, out.Body.Token, out.Body.Path = l, token, "/v1/shared-reports/"+token
	return out, nil
}

func (h *handlers) unshare(ctx context.Context, in *linkInput) (*struct{}, error) {
	_, o, err := whose(ctx)
	if err != nil {
		return nil, err
	}
	return nil, viewError(h.Service.Unshare(ctx, o, in.ID, in.Link))
}

// shared answers a link: the view as its owner asks it, and nothing else.
func (h *handlers) shared(ctx context.Context, in *sharedInput) (*reportOutput, error) {
	v, err := h.Service.SharedView(ctx, in.Token)
	if err != nil {
		return nil, viewError(err)
	}
	q, err := questionOf(v.Query)
	if err != nil {
		return nil, err
	}
	q.Format, q.Accept = in.Format, in.Accept
	return h.reportFor(ctx, readerOf(v.Owner), q, true)
}

// readerOf sees what the owner of a view does.
func readerOf(o campaigns.Owner) campaigns.Principal {
	if o == (campaigns.Owner{}) {
		return campaigns.Principal{Role: campaigns.RoleOperator}
	}
	return campaigns.Principal{Role: campaigns.RoleViewer, Owner: o}
}

// questionOf reads the parameters of a report from text, as the API reads them.
func questionOf(text string) (*reportInput, error) {
	if len(text) > maxQuery {
		return nil, fmt.Errorf("want at most %d bytes", maxQuery)
	}
	values, err := url.ParseQuery(strings.TrimPrefix(text, "?"))
	if err != nil {
		return nil, errors.New("want parameters of GET /v1/reports, such as range=last_7_days&group_by=day")
	}
	in := new(reportInput)
	v := reflect.ValueOf(in).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("query"), ",")
		list, ok := values[name]
		if name == "" || !ok {
			continue
		}
		delete(values, name)
		if v.Field(i).Kind() == reflect.String {
			if len(list) > 1 {
				return nil, fmt.Errorf("want %s once", name)
			}
			v.Field(i).SetString(list[0])
			continue
		}
		v.Field(i).Set(reflect.ValueOf(list))
	}
	for name := range values {
		return nil, fmt.Errorf("%q is no parameter of GET /v1/reports", clip(name))
	}
	return in, nil
}
