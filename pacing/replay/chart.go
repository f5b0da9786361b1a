package replay

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"bidhawk/pacing/control"
)

// Chart is a page of spend against plan and of the multiplier over a flight.
type Chart struct {
	Title  string
	Facts  [][2]string // what the run came to, name and figure
	Points []Point
}

// WriteHTML writes the page: one file that needs nothing else, for light and dark
// and for narrow screens.
func (c Chart) WriteHTML(w io.Writer) error {
	points := thin(c.Points, 600)
	if len(points) < 2 {
		return fmt.Errorf("chart %q: %d points; want at least 2", c.Title, len(points))
	}
	spend := plot{name: "Spend and plan", note: "share of the budget spent, by share of the flight"}
	limit := float64(max(points[len(points)-1].Plan, 1))
	spend.line("plan", points, func(p Point) float64 { return float64(p.Plan) / limit })
	spend.line("spent", points, func(p Point) float64 { return float64(p.Spent) / limit })
	spend.scale(0, 1, 5, func(v float64) string { return fmt.Sprintf("%.0f%%", v*100) })
	multiplier := plot{name: "Multiplier", note: "bid / value, on a logarithmic scale"}
	multiplier.line("multiplier", points, func(p Point) float64 { return math.Log10(float64(max(p.Multiplier, 1)) / float64(control.One)) })
	low, top := multiplier.bounds()
	multiplier.scale(low, top, 4, func(v float64) string { return fmt.Sprintf("%.3g", math.Pow(10, v)) })
	return page.Execute(w, struct {
		Chart
		Plots []drawing
	}{c, []drawing{spend.draw(), multiplier.draw()}})
}

// thin keeps at most most points, the last among them.
func thin(points []Point, most int) []Point {
	if len(points) <= most {
		return points
	}
	out := make([]Point, 0, most)
	for i := range most {
		out = append(out, points[i*(len(points)-1)/(most-1)])
	}
	return out
}

// The drawing is as wide as a phone, so that its text can be read there; a wide
// screen enlarges it.
const (
	plotWidth, plotHeight  = 360.0, 220.0
	plotLeft, plotRight    = 44.0, 8.0
	plotTop, plotBottom    = 10.0, 24.0
	plotAcross, plotUpward = plotWidth - plotLeft - plotRight, plotHeight - plotTop - plotBottom
)

type plot struct {
	name, note string
	lines      []plotLine
	low, top   float64
	ticks      []tick
}

type plotLine struct {
	class string
	x, y  []float64
}

type tick struct {
	X, Y   float64
	Label  string
	Anchor string
}

type drawing struct {
	Name, Note string
	Paths      []drawnPath
	Ticks      []tick
	Across     []tick
}

type drawnPath struct{ Class, D string }

func (p *plot) line(class string, points []Point, f func(Point) float64) {
	l := plotLine{class: class}
	for _, pt := range points {
		l.x, l.y = append(l.x, pt.At), append(l.y, f(pt))
	}
	p.lines = append(p.lines, l)
}

// bounds is the range of all lines, not too narrow to see.
func (p *plot) bounds() (low, top float64) {
	low, top = math.Inf(1), math.Inf(-1)
	for _, l := range p.lines {
		for _, y := range l.y {
			low, top = min(low, y), max(top, y)
		}
	}
	if pad := 0.1 - (top-low)/2; pad > 0 {
		low, top = low-pad, top+pad
	}
	return low, top
}

func (p *plot) scale(low, top float64, ticks int, label func(float64) string) {
	for _, l := range p.lines {
		for _, y := range l.y {
			top = max(top, y)
		}
	}
	p.low, p.top = low, top
	for i := range ticks + 1 {
		v := low + (top-low)*float64(i)/float64(ticks)
		p.ticks = append(p.ticks, tick{X: plotLeft - 4, Y: p.y(v), Label: label(v)})
	}
}

func (p *plot) y(v float64) float64 {
	return math.Round((plotTop+plotUpward*(1-(v-p.low)/(p.top-p.low)))*10) / 10
}

func (p *plot) draw() drawing {
	d := drawing{Name: p.name, Note: p.note, Ticks: p.ticks}
	for i := range 5 {
		at := float64(i) / 4
		d.Across = append(d.Across, tick{X: plotLeft + plotAcross*at, Y: plotHeight - 6, Label: fmt.Sprintf("%.0f%%", at*100), Anchor: []string{"start", "middle", "middle", "middle", "end"}[i]})
	}
	for _, l := range p.lines {
		var b strings.Builder
		for i := range l.x {
			fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(i, 1)], plotLeft+plotAcross*l.x[i], p.y(l.y[i]))
		}
		d.Paths = append(d.Paths, drawnPath{l.class, b.String()})
	}
	return d
}

var page = template.Must(template.New("chart").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{{.Title}}</title>
<style>
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--faint:#d5dae0;--soft:#5a6572;--a:#0b62c4;--b:#b0500a}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebef;--paper:#14171b;--faint:#333a43;--soft:#9aa5b1;--a:#6fb1ff;--b:#ffb066}}
body{margin:0 auto;max-width:860px;padding:16px;background:var(--paper);color:var(--ink);font:16px/1.45 system-ui,sans-serif}
h1{font-size:1.25rem;margin:.2rem 0 .6rem;overflow-wrap:anywhere}h2{font-size:1rem;margin:1.2rem 0 0}
p{margin:.1rem 0;color:var(--soft);font-size:.85rem}
svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font-size:10.5px}
.grid{stroke:var(--faint);stroke-width:.7}path{fill:none;stroke-width:1.6;stroke-linejoin:round}
.plan{stroke:var(--b);stroke-dasharray:5 3}.spent,.multiplier{stroke:var(--a)}
.key::before{content:"";display:inline-block;width:1.4em;border-top:3px solid var(--a);margin-right:.4em;vertical-align:middle}
.key.dash::before{border-top:3px dashed var(--b)}.key{margin-right:1.2em;white-space:nowrap;color:var(--ink)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:8px 16px;margin:0}
dt{color:var(--soft);font-size:.8rem}dd{margin:0;font-variant-numeric:tabular-nums}
</style>
<h1>{{.Title}}</h1>
<dl>{{range .Facts}}<div><dt>{{index . 0}}</dt><dd>{{index . 1}}</dd></div>{{end}}</dl>
{{range $i, $p := .Plots}}<h2>{{.Name}}</h2>
<p>{{.Note}}{{if eq $i 0}} <span class="key">spent</span><span class="key dash">plan</span>{{end}}</p>
<svg viewBox="0 0 360 220" role="img" aria-label="{{.Name}}: {{.Note}}">
{{range .Ticks}}<line class="grid" x1="44" x2="352" y1="{{.Y}}" y2="{{.Y}}"/><text x="{{.X}}" y="{{.Y}}" dy="3.5" text-anchor="end">{{.Label}}</text>
{{end}}{{range .Across}}<text x="{{.X}}" y="{{.Y}}" text-anchor="{{.Anchor}}">{{.Label}}</text>
{{end}}{{range .Paths}}<path class="{{.Class}}" d="{{.D}}"/>
{{end}}</svg>
{{end}}</html>
`))
