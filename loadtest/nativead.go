package loadtest

import (
	"encoding/json"
	"fmt"
)

// nativeAd is a native markup response (Native 1.2, section 5).
type nativeAd struct {
	Assets        []nativeAsset        `json:"assets"`
	Link          *nativeLink          `json:"link"`
	ImpTrackers   []string             `json:"imptrackers"`
	JSTracker     string               `json:"jstracker"`
	EventTrackers []nativeEventTracker `json:"eventtrackers"`

	wrapped bool
}

type nativeAsset struct {
	ID    int          `json:"id"`
	Title *nativeTitle `json:"title"`
	Img   *nativeImage `json:"img"`
	Video *nativeVideo `json:"video"`
	Data  *nativeData  `json:"data"`
	Link  *nativeLink  `json:"link"`
}

type nativeTitle struct {
	Text string `json:"text"`
}

type nativeImage struct {
	URL string `json:"url"`
	W   int    `json:"w"`
	H   int    `json:"h"`
}

type nativeVideo struct {
	VASTTag string `json:"vasttag"`
}

type nativeData struct {
	Value string `json:"value"`
}

type nativeLink struct {
	URL           string   `json:"url"`
	ClickTrackers []string `json:"clicktrackers"`
}

type nativeEventTracker struct {
	Event  int    `json:"event"`
	Method int    `json:"method"`
	URL    string `json:"url"`
}

// Native 1.2 lists: Event Types, Event Tracking Methods.
const (
	eventImpression    = 1
	eventViewable50    = 2 // half of it, for a second
	eventViewable100   = 3 // all of it, for a second
	eventViewableVideo = 4 // half of it, for two seconds

	methodImage  = 1
	methodScript = 2
)

func readNativeAd(adm string) (*nativeAd, error) {
	var root struct {
		nativeAd
		Native *nativeAd `json:"native"`
	}
	if err := json.Unmarshal([]byte(adm), &root); err != nil {
		return nil, fmt.Errorf("native ad: %w", err)
	}
	if root.Native != nil {
		root.Native.wrapped = true
		return root.Native, nil
	}
	return &root.nativeAd, nil
}

// kind is what the asset holds; two things at once are none.
func (a *nativeAsset) kind() assetKind {
	kind, things := assetUnknown, 0
	for k, there := range map[assetKind]bool{
		assetTitle: a.Title != nil, assetImage: a.Img != nil, assetVideo: a.Video != nil, assetData: a.Data != nil,
	} {
		if there {
			kind = k
			things++
		}
	}
	if things != 1 {
		return assetUnknown
	}
	return kind
}

// filled says whether a user would see something.
func (a *nativeAsset) filled() bool {
	switch a.kind() {
	case assetTitle:
		return a.Title.Text != ""
	case assetImage:
		return a.Img.URL != ""
	case assetVideo:
		return a.Video.VASTTag != ""
	case assetData:
		return a.Data.Value != ""
	}
	return false
}
