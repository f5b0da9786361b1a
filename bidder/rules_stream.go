package bidder

import (
	"slices"

	"bidhawk/bidder/markup"
	"bidhawk/internal/openrtb"
)

// streamOf is the part that video and audio share; nil for other mediums.
func streamOf(imp *openrtb.Imp, m medium) *openrtb.Stream {
	switch {
	case m == mediumVideo && imp.Video != nil:
		return &imp.Video.Stream
	case m == mediumAudio && imp.Audio != nil:
		return &imp.Audio.Stream
	}
	return nil
}

// mediaFiles asks for a rendition of a type, a delivery and a bit rate that the
// player takes. What another server's tag will hold is not known here.
func mediaFiles(_ *auction, imp *openrtb.Imp, ad *ad) NoBid {
	if ad.wrapper {
		return NoBidNone
	}
	s := streamOf(imp, ad.medium)
	reason := NoBidMIME
	for i := range ad.files {
		f := &ad.files[i]
		switch {
		case !containsFold(s.MIMEs, f.mime):
		case !delivers(s.Delivery, f.streaming):
			reason = max(reason, NoBidDelivery)
		case f.bitrate > 0 && (f.bitrate < s.MinBitrate || s.MaxBitrate > 0 && f.bitrate > s.MaxBitrate):
			reason = max(reason, NoBidBitrate)
		default:
			return NoBidNone
		}
	}
	return reason
}

// delivers holds a rendition against AdCOM's delivery methods: 1 streaming, 2
// progressive, 3 download.
func delivers(allowed []int, streaming bool) bool {
	if len(allowed) == 0 {
		return true
	}
	if streaming {
		return slices.Contains(allowed, 1)
	}
	return slices.Contains(allowed, 2) || slices.Contains(allowed, 3)
}

// duration is one of rqddurs, or from minduration to maxduration, which
// maxextended may put off. In a dynamic pod no ad is longer than the pod.
func duration(_ *auction, imp *openrtb.Imp, ad *ad) NoBid {
	s := streamOf(imp, ad.medium)
	switch {
	case len(s.RqdDurs) > 0:
		if !slices.Contains(s.RqdDurs, ad.duration) {
			return NoBidDuration
		}
	case ad.duration < s.MinDuration:
		return NoBidDuration
	case s.MaxDuration > 0 && s.MaxExtended >= 0 && ad.duration > s.MaxDuration+s.MaxExtended:
		return NoBidDuration
	}
	if s.PodDur > 0 && ad.duration > s.PodDur {
		return NoBidDuration
	}
	return NoBidNone
}

func protocol(_ *auction, imp *openrtb.Imp, ad *ad) NoBid {
	if _, ok := ad.version(imp); !ok {
		return NoBidProtocol
	}
	return NoBidNone
}

// unsaidVersion is served where an impression names no protocols: players that
// say nothing are old ones, and VAST 3.0 is what most of them read.
const unsaidVersion = markup.VAST30

// version is the newest VAST version that the impression and the ad share.
func (ad *ad) version(imp *openrtb.Imp) (v markup.Version, ok bool) {
	s := streamOf(imp, ad.medium)
	if len(s.Protocols) == 0 {
		return unsaidVersion, ad.vast[unsaidVersion] != nil
	}
	for i := len(ad.vast) - 1; i >= 0; i-- {
		v := markup.Version(i)
		if ad.vast[i] != nil && slices.Contains(s.Protocols, markup.Protocol(v, ad.wrapper)) {
			return v, true
		}
	}
	return 0, false
}

// linearity: 1 linear, 2 non-linear; all are allowed where it is not said.
func linearity(_ *auction, imp *openrtb.Imp, ad *ad) NoBid {
	if l := imp.Video.Linearity; l == 1 && ad.nonLinear || l == 2 && !ad.nonLinear {
		return NoBidLinearity
	}
	return NoBidNone
}
