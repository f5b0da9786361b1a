package loadtest

import (
	"bytes"
	"encoding/json"
)

// native is a native offer of version 1.2, now and then of 1.0 or 1.1, as text
// or as an object.
func (g *generator) native() *native {
	r := &nativeRequest{
		Ver: one(g.rnd, "1.2", "1.2", "1.2", "1.2", "1.1", "1.0"), Context: one(g.rnd, 1, 2), PlcmtType: one(g.rnd, 1, 2, 4), PlcmtCnt: 1,
		Assets: g.nativeAssets(),
	}
	if r.Ver == "1.2" {
		r.Privacy = g.rnd.IntN(2)
		r.EventTrackers = one(g.rnd, nil,
			[]eventRequest{{eventImpression, []int{methodImage}}},
			[]eventRequest{{eventImpression, []int{methodImage, methodScript}}, {eventViewable50, []int{methodImage}}})
	}
	var root any = r
	if r.Ver == "1.0" {
		root = nativeRoot{r}
	}
	n := &native{Ver: r.Ver, API: one(g.rnd, nil, []int{7})}
	if g.likely(0.3) {
		n.BAttr = []int{1, 8, 10}
	}
	if n.Request = root; g.likely(0.7) {
		n.Request = asText(root)
	}
	return n
}

// Asset types of Native 1.2: icon and main image; sponsor, description,
// rating, price, call to action.
func (g *generator) nativeAssets() []assetRequest {
	assets := []assetRequest{{Required: 1, Title: &assetLen{one(g.rnd, 25, 50, 90, 140)}}}
	add := func(a assetRequest, p, required float64) {
		if !g.likely(p) {
			return
		}
		if g.likely(required) {
			a.Required = 1
		}
		assets = append(assets, a)
	}
	main := &assetImg{Type: 3, WMin: 300, HMin: 157}
	switch g.rnd.IntN(3) {
	case 0:
		main = &assetImg{Type: 3, W: 1200, H: 627}
	case 1:
		main.MIMEs = []string{"image/jpeg", "image/png"}
	}
	add(assetRequest{Img: main}, 0.85, 0.8)
	add(assetRequest{Img: &assetImg{Type: 1, WMin: 50, HMin: 50}}, 0.6, 0.3)
	add(assetRequest{Data: &assetTyped{Type: 1, Len: 25}}, 0.8, 0.6)
	add(assetRequest{Data: &assetTyped{Type: 2, Len: one(g.rnd, 0, 90, 140)}}, 0.7, 0.4)
	add(assetRequest{Data: &assetTyped{Type: 12, Len: 15}}, 0.5, 0.2)
	add(assetRequest{Data: &assetTyped{Type: one(g.rnd, 3, 6)}}, 0.2, 0)
	add(assetRequest{Video: &stream{MIMEs: []string{"video/mp4"}, MinDuration: 5, MaxDuration: 30, Protocols: []int{2, 3, 7}}}, 0.08, 0)
	for i := range assets {
		assets[i].ID = i + 1
	}
	return assets
}

// asText is the request as most exchanges send it: JSON within a JSON string.
func asText(root any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(root) // plain structs in memory: it cannot fail
	return string(bytes.TrimSpace(b.Bytes()))
}
