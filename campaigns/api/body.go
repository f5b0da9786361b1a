package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

// assigned are the fields that the store sets; in a body they are ignored, so
// that what was read can be sent back.
func assigned() []string { return []string{"id", "revision", "created_at", "updated_at"} }

// bodySchema is what a client may send of T: the entity without what the store
// assigns. It is registered as T's name and "Input".
func bodySchema(reg huma.Registry, t reflect.Type, required []string) (*huma.Schema, error) {
	s := *reg.SchemaFromRef(reg.Schema(t, true, "").Ref)
	s.Properties = maps.Clone(s.Properties)
	for _, name := range assigned() {
		delete(s.Properties, name)
	}
	for _, name := range required {
		if s.Properties[name] == nil {
			return nil, fmt.Errorf("api: %s has no field %q", t.Name(), name)
		}
	}
	s.Required = required
	s.PrecomputeMessages()
	// Within an entity whatever is left out is zero.
	for _, p := range s.Properties {
		optional(reg, p)
	}
	reg.Map()[t.Name()+"Input"] = &s
	return &s, nil
}

func optional(reg huma.Registry, s *huma.Schema) {
	if s.Items != nil {
		optional(reg, s.Items)
	}
	if values := namedValues(s); values != nil {
		optional(reg, values)
	}
	if s.Ref == "" {
		return
	}
	s = reg.SchemaFromRef(s.Ref)
	s.Required = nil
	s.PrecomputeMessages()
	for _, p := range s.Properties {
		optional(reg, p)
	}
}

// namedValues is the schema of an object's values where its keys are names of
// the caller's; nil where they are fields.
func namedValues(s *huma.Schema) *huma.Schema {
	values, _ := s.AdditionalProperties.(*huma.Schema)
	return values
}

// decoder reads the bodies of one kind.
type decoder struct {
	kind   campaigns.Kind
	reg    huma.Registry
	schema *huma.Schema
}

// decode reads raw into e. base is what a merge patch (RFC 7396) applies to;
// nil for a new entity. The error is a *Problem.
func (d decoder) decode(raw []byte, base, e campaigns.Entity) error {
	doc, err := object(raw)
	if err != nil {
		return violation(http.StatusBadRequest, string(d.kind), valueText(string(raw)), err.Error())
	}
	if base != nil {
		stored, err := json.Marshal(base)
		if err != nil {
			return fmt.Errorf("encode %s %d: %w", d.kind, base.Head().ID, err)
		}
		before, err := object(stored)
		if err != nil {
			return fmt.Errorf("read back %s %d: %w", d.kind, base.Head().ID, err)
		}
		mergePatch(before, doc)
		doc = before
	}
	for _, name := range assigned() {
		delete(doc, name)
	}
	whole, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encode patched %s: %w", d.kind, err)
	}
	if err := d.validate(whole); err != nil {
		return err
	}
	var te *json.UnmarshalTypeError
	if err := json.Unmarshal(whole, e); errors.As(err, &te) {
		return violation(http.StatusUnprocessableEntity, string(d.kind)+"."+te.Field, te.Value, "must be of type "+te.Type.String())
	} else if err != nil {
		return violation(http.StatusUnprocessableEntity, string(d.kind), "", err.Error())
	}
	return nil
}

// object reads exactly one JSON object. Numbers keep their digits: an amount in
// nanos does not fit a float.
func object(raw []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil || doc == nil || dec.More() {
		return nil, errors.New("must be one JSON object")
	}
	return doc, nil
}

// mergePatch applies patch to doc: null deletes, objects merge, the rest replaces.
func mergePatch(doc, patch map[string]any) {
	for k, v := range patch {
		child, isObject := v.(map[string]any)
		switch {
		case v == nil:
			delete(doc, k)
		case isObject:
			into, ok := doc[k].(map[string]any)
			if !ok {
				into = map[string]any{}
			}
			mergePatch(into, child)
			doc[k] = into
		default:
			doc[k] = v
		}
	}
}

// validate checks types and names against the schema. The values' rules are
// those of campaigns.
func (d decoder) validate(whole []byte) error {
	var doc map[string]any
	if err := json.Unmarshal(whole, &doc); err != nil {
		return violation(http.StatusUnprocessableEntity, string(d.kind), "", "must be JSON within the range of its numbers")
	}
	p := newProblem(http.StatusUnprocessableEntity, "a rule is broken")
	d.unknown(p, d.schema, string(d.kind), doc)
	res := &huma.ValidateResult{}
	path := huma.NewPathBuffer([]byte(d.kind), len(d.kind))
	huma.Validate(d.reg, d.schema, path, huma.ModeWriteToServer, doc, res)
	for _, err := range res.Errors {
		var e *huma.ErrorDetail
		if errors.As(err, &e) && !strings.HasPrefix(e.Message, "unexpected property") {
			p.Errors = append(p.Errors, campaigns.Violation{Field: e.Location, Value: valueText(e.Value), Rule: e.Message})
		}
	}
	if len(p.Errors) == 0 {
		return nil
	}
	return p
}

// unknown names the keys that are no field. Unlike huma it does not take "Name"
// for "name": the merge with what is stored goes by exact names.
func (d decoder) unknown(p *Problem, s *huma.Schema, path string, doc map[string]any) {
	for s.Ref != "" {
		s = d.reg.SchemaFromRef(s.Ref)
	}
	if s.Type != huma.TypeObject {
		return // of the wrong type: huma says so
	}
	for _, k := range slices.Sorted(maps.Keys(doc)) {
		field := s.Properties[k]
		if values := namedValues(s); values != nil {
			field = values
		}
		if field == nil {
			p.Errors = append(p.Errors, campaigns.Violation{Field: path + "." + k, Value: valueText(doc[k]), Rule: "must not be given: it is not a known field"})
		} else if child, ok := doc[k].(map[string]any); ok {
			d.unknown(p, field, path+"."+k, child)
		} else if list, ok := doc[k].([]any); ok {
			d.unknownInList(p, field, path+"."+k, list)
		}
	}
}

func (d decoder) unknownInList(p *Problem, s *huma.Schema, path string, list []any) {
	if s.Items == nil {
		return
	}
	for i, v := range list {
		if child, ok := v.(map[string]any); ok {
			d.unknown(p, s.Items, fmt.Sprintf("%s[%d]", path, i), child)
		}
	}
}
