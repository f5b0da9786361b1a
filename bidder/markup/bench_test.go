package markup

import "testing"

// benchRequest asks for what in-feed placements usually do.
const benchRequest = `{"ver":"1.2","eventtrackers":[{"event":1,"methods":[1,2]},{"event":2,"methods":[1]}],"assets":[
	{"id":1,"required":1,"title":{"len":140}},{"id":2,"required":1,"img":{"type":3,"wmin":300,"hmin":157}},
	{"id":3,"img":{"type":1,"w":80,"h":80}},{"id":4,"required":1,"data":{"type":1,"len":25}},
	{"id":5,"data":{"type":2,"len":140}},{"id":6,"data":{"type":12,"len":15}}]}`

// benchValues are as long as a bid's: a signed token takes some 190 characters.
func benchValues() *Values {
	token := make([]byte, 190)
	for i := range token {
		token[i] = 'a' + byte(i%26)
	}
	v := values()
	v.Click = append([]byte("https://ads.example/t/click/"), token...)
	v.ClickEscaped = AppendURLEscaped(nil, v.Click)
	v.Impression = append([]byte("https://ads.example/t/imp/"), token...)
	v.Event = token
	return v
}

func BenchmarkAppend(b *testing.B) {
	v := benchValues()
	run := func(name string, render func(dst []byte) []byte) {
		b.Run(name, func(b *testing.B) {
			dst := render(nil)
			b.ReportAllocs()
			b.SetBytes(int64(len(dst)))
			for b.Loop() {
				dst = render(dst[:0])
			}
		})
	}
	for _, version := range []Version{VAST20, VAST42} {
		doc, err := VAST(film(), options, version)
		if err != nil {
			b.Fatal(err)
		}
		run("VAST"+version.String(), func(dst []byte) []byte { return doc.Append(dst, v) })
	}
	image := Banner(box(), options)
	run("banner", func(dst []byte) []byte { return image.Append(dst, v) })
	n, r := NewNative(inFeed(), options), ask(b, benchRequest)
	run("native", func(dst []byte) []byte { return n.Append(dst, r, v) })
}

func BenchmarkNativeFits(b *testing.B) {
	n, r := NewNative(inFeed(), options), ask(b, benchRequest)
	b.ReportAllocs()
	for b.Loop() {
		if reason, ok := n.Fits(r); !ok {
			b.Fatal(reason)
		}
	}
}

// BenchmarkCompile is what a change of the catalogue costs per video ad.
func BenchmarkCompile(b *testing.B) {
	c := film()
	b.ReportAllocs()
	for b.Loop() {
		for v := range Version(Versions) {
			if _, err := VAST(c, options, v); err != nil {
				b.Fatal(err)
			}
		}
	}
}
