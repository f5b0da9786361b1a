package api

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// complete writes into the document what holds for every operation, whichever
// package registered it: who may call, what is refused, how a request names itself.
func complete(doc *huma.OpenAPI) {
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				completeOperation(op)
			}
		}
	}
}

func completeOperation(op *huma.Operation) {
	if op.Description == "" {
		op.Description = op.Summary
	}
	if op.Metadata[Open] != true {
		refusal(op, http.StatusUnauthorized, "No caller: the API key or the session is missing, unknown, expired or revoked")
		refusal(op, http.StatusForbidden, "The caller may not do this: its role, its scopes, or a missing "+csrfHeader)
	}
	r := refusal(op, http.StatusTooManyRequests, "Too many requests of one caller")
	if r.Headers == nil {
		r.Headers = map[string]*huma.Param{}
	}
	r.Headers["Retry-After"] = &huma.Param{Description: "Seconds until the next try", Schema: &huma.Schema{Type: huma.TypeInteger}}
	refusal(op, http.StatusInternalServerError, "A fault of the server; its log says more")
	if op.Metadata[Open] == true || op.Method != http.MethodPost && op.Method != http.MethodPatch {
		return
	}
	refusal(op, http.StatusConflict, "A request with this "+idempotencyHeader+" is being answered, or both versions where a change can't be taken back")
	refusal(op, http.StatusUnprocessableEntity, "A rule is broken: errors names field, value and rule")
	for _, p := range op.Parameters {
		if p.Name == idempotencyHeader {
			return
		}
	}
	op.Parameters = append(op.Parameters, &huma.Param{Name: idempotencyHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "A name for this request, such as a UUID: a repeat within a day gets the first answer, and nothing is done twice"})
}

// refusal is the response of an error, made where the operation lists none.
func refusal(op *huma.Operation, status int, about string) *huma.Response {
	key := strconv.Itoa(status)
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	r := op.Responses[key]
	if r == nil {
		r = &huma.Response{Description: about, Content: map[string]*huma.MediaType{
			problemType: {Schema: &huma.Schema{Ref: "#/components/schemas/ErrorModel"}}}}
		op.Responses[key] = r
	}
	return r
}
