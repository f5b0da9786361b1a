package node

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

type vocabularyOutput struct{ Body vocabularyBody }

// vocabularyBody is what an editor of targeting offers to choose from.
type vocabularyBody struct {
	Exchanges []string        `json:"exchanges" doc:"those that are configured, by name"`
	Tags      []vocabularyTag `json:"tags" doc:"the audience taxonomy, parents before their children"`
}

type vocabularyTag struct {
	Path string `json:"path" doc:"as line_item.targeting.tags takes it, such as auto/suv"`
	Name string `json:"name" doc:"for people"`
}

func (n *Node) registerVocabulary(h huma.API) {
	tags := []vocabularyTag{}
	for _, t := range n.taxonomy.Tags() {
		tags = append(tags, vocabularyTag{t.Path, t.Name})
	}
	huma.Register(h, huma.Operation{
		OperationID: "get-targeting-vocabulary", Method: http.MethodGet, Path: "/v1/targeting-vocabulary", Tags: []string{"line-items"},
		Summary: "The exchanges and audience tags that targeting may name", Errors: []int{http.StatusUnauthorized},
	}, func(ctx context.Context, _ *struct{}) (*vocabularyOutput, error) {
		if _, ok := campaigns.PrincipalFrom(ctx); !ok {
			return nil, huma.Error401Unauthorized("no API key")
		}
		list, err := n.cfg.exchanges(func(string, error) {})
		if err != nil {
			return nil, err
		}
		names := []string{}
		for i := range list {
			names = append(names, list[i].Name)
		}
		slices.Sort(names)
		return &vocabularyOutput{vocabularyBody{names, tags}}, nil
	})
}
