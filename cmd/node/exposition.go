package node

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// writeExposition writes samples ("name{labels} value", one a line, in any
// order; comments are dropped) in the Prometheus text format 0.0.4, which wants the samples of a
// metric together, after its type: by the house's names *_total is a counter,
// what has *_bucket a histogram, and everything else a gauge.
func writeExposition(w io.Writer, samples []byte) error {
	families, histograms := make(map[string][]string), make(map[string]bool)
	for line := range strings.Lines(string(samples)) {
		if line[0] == '#' {
			continue
		}
		name := line[:strings.IndexAny(line, "{ ")]
		families[name] = append(families[name], line)
		if base, ok := strings.CutSuffix(name, "_bucket"); ok {
			histograms[base] = true
		}
	}
	for base := range histograms {
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			families[base] = append(families[base], families[base+part]...)
			delete(families, base+part)
		}
	}
	out := bufio.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(families)) {
		kind := "gauge"
		if histograms[name] {
			kind = "histogram"
		} else if strings.HasSuffix(name, "_total") {
			kind = "counter"
		}
		fmt.Fprintf(out, "# TYPE %s %s\n", name, kind)
		for _, line := range families[name] {
			out.WriteString(line)
		}
	}
	return out.Flush()
}

// metrics is everything that /metrics says.
func (n *Node) metrics(w io.Writer) error {
	var samples bytes.Buffer
	n.writeMetrics(&samples)
	return writeExposition(w, samples.Bytes())
}
