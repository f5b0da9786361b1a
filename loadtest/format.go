package loadtest

import (
	"fmt"
	"strconv"
	"strings"
)

// Format is what kind of impression is offered: the unit of the mix and of the
// counts by format.
type Format uint8

// The formats. An imp belongs to the first that fits it, from the last on: a
// screen's video is DOOH, a television's pod is a pod.
const (
	FormatBanner Format = iota
	FormatVideo         // in a page or an app
	FormatCTV           // video on a television
	FormatAudio
	FormatNative
	FormatMulti // several media for one impression
	FormatPod   // slots or time of an ad break, video or audio
	FormatDOOH  // a screen in public
	formats     = 8
)

var formatNames = [formats]string{"banner", "video", "ctv", "audio", "native", "multi", "pod", "dooh"}

func (f Format) String() string { return formatNames[f] }

// Mix gives each format its weight among the generated requests. All zero is
// the plain workload that the benchmark measures: banners, and a few videos.
type Mix [formats]float64

// ParseMix reads names of formats with an optional weight: "video", "native:2".
// "all" stands for every format with its usual weight. No name is the plain
// workload.
func ParseMix(names []string) (m Mix, err error) {
	for _, name := range names {
		name, weight, given := strings.Cut(strings.TrimSpace(name), ":")
		w := 1.0
		if given {
			if w, err = strconv.ParseFloat(weight, 64); err != nil {
				return m, fmt.Errorf("loadtest: formats: %s:%s: want a weight after the colon", name, weight)
			}
		}
		if name == "all" {
			for f, usual := range usualMix() {
				m[f] += w * usual
			}
			continue
		}
		f, ok := formatOf(name)
		if !ok {
			return m, fmt.Errorf("loadtest: formats: %q: want all, or some of %s", name, strings.Join(formatNames[:], ", "))
		}
		m[f] += w
	}
	return m, nil
}

// usualMix is about what an exchange with every format sends; no format is so
// rare that a short run misses it.
func usualMix() Mix {
	return Mix{
		FormatBanner: 0.3, FormatVideo: 0.16, FormatCTV: 0.1, FormatAudio: 0.08,
		FormatNative: 0.14, FormatMulti: 0.08, FormatPod: 0.09, FormatDOOH: 0.05,
	}
}

func formatOf(name string) (Format, bool) {
	for f, n := range formatNames {
		if n == name {
			return Format(f), true
		}
	}
	return 0, false
}

func (m Mix) plain() bool { return m == Mix{} }

func (m Mix) validate() error {
	for f, w := range m {
		if err := between("mix."+formatNames[f], w, 0, 1e6); err != nil {
			return err
		}
	}
	return nil
}

// draw maps u in (0, 1) to a format, each by its weight.
func (m Mix) draw(u float64) Format {
	sum := 0.0
	for _, w := range m {
		sum += w
	}
	last := FormatBanner
	for f, w := range m {
		if w == 0 {
			continue
		}
		last = Format(f)
		if u -= w / sum; u <= 0 {
			break
		}
	}
	return last
}

// Types of devices (AdCOM list: Device Types) that make a video CTV.
const (
	deviceTV     = 3
	deviceSetTop = 7
)

// format is where the imp is counted.
func (i *impFacts) formatIn(f *facts) Format {
	s := i.video
	if s == nil {
		s = i.audio
	}
	media := 0
	for _, offered := range []bool{i.banner != nil, i.video != nil, i.audio != nil, i.native != nil} {
		if offered {
			media++
		}
	}
	switch {
	case f.dooh:
		return FormatDOOH
	case s != nil && s.inPod():
		return FormatPod
	case media > 1:
		return FormatMulti
	case i.video != nil && (f.deviceType == deviceTV || f.deviceType == deviceSetTop):
		return FormatCTV
	case i.video != nil:
		return FormatVideo
	case i.audio != nil:
		return FormatAudio
	case i.native != nil:
		return FormatNative
	}
	return FormatBanner
}
