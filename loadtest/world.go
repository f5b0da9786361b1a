package loadtest

import "fmt"

// maxUsers keeps UserName at its fixed width.
const maxUsers = 10_000_000

// UserName is the user.buyeruid of user i, in [0, 10,000,000): "u0000017". It
// is the same in every run, so that profiles can be fed beforehand.
func UserName(i int) string { return fmt.Sprintf("u%07d", i) }

// UserIFA is the device.ifa of user i in requests from apps.
func UserIFA(i int) string {
	h := mix(uint64(i) ^ 0x1fa)
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x",
		uint32(h), uint16(h>>32), h>>52, mix(h)&0xfff, uint64(i))
}

// subjects name sites; their categories are IAB content taxonomy 1.0.
var subjects = [...]struct {
	name string
	cats []string
}{
	{"news", []string{"IAB12", "IAB12-2"}},
	{"sport", []string{"IAB17", "IAB17-44"}},
	{"auto", []string{"IAB2", "IAB2-12"}},
	{"travel", []string{"IAB20", "IAB20-27"}},
	{"tech", []string{"IAB19", "IAB19-6"}},
	{"food", []string{"IAB8", "IAB8-9"}},
	{"games", []string{"IAB9", "IAB9-30"}},
	{"finance", []string{"IAB13", "IAB13-7"}},
	{"fashion", []string{"IAB18", "IAB18-5"}},
	{"music", []string{"IAB1", "IAB1-6"}},
}

// SiteDomain is the domain of site i: "news-000.example", "sport-000.example",
// ... "news-001.example": ten subjects in turn, the busiest first.
func SiteDomain(i int) string {
	return fmt.Sprintf("%s-%03d.example", subjects[i%len(subjects)].name, i/len(subjects))
}

// AppBundle is the bundle of app i, the busiest first: "com.example.app017".
func AppBundle(i int) string { return fmt.Sprintf("com.example.app%03d", i) }

// place is a city with what a request says about it.
type place struct {
	weight                     int
	country, region, city, zip string
	lat, lon                   string // one decimal: about 10 km
	utcOffset                  int    // minutes
	language                   string
	eu                         bool
}

var places = [...]place{
	{14, "USA", "CA", "San Francisco", "94103", "37.8", "-122.4", -420, "en", false},
	{12, "USA", "CA", "Los Angeles", "90012", "34.1", "-118.2", -420, "en", false},
	{15, "USA", "NY", "New York", "10001", "40.7", "-74.0", -240, "en", false},
	{8, "USA", "TX", "Austin", "78701", "30.3", "-97.7", -300, "en", false},
	{7, "USA", "IL", "Chicago", "60601", "41.9", "-87.6", -300, "en", false},
	{5, "USA", "WA", "Seattle", "98101", "47.6", "-122.3", -420, "en", false},
	{6, "CAN", "ON", "Toronto", "M5H", "43.7", "-79.4", -240, "en", false},
	{3, "CAN", "QC", "Montreal", "H2Y", "45.5", "-73.6", -240, "fr", false},
	{8, "GBR", "ENG", "London", "EC1A", "51.5", "-0.1", 60, "en", false},
	{2, "GBR", "SCT", "Edinburgh", "EH1", "56.0", "-3.2", 60, "en", false},
	{5, "DEU", "BE", "Berlin", "10115", "52.5", "13.4", 120, "de", true},
	{3, "DEU", "BY", "Munich", "80331", "48.1", "11.6", 120, "de", true},
	{6, "FRA", "IDF", "Paris", "75001", "48.9", "2.4", 120, "fr", true},
	{2, "FRA", "ARA", "Lyon", "69001", "45.8", "4.8", 120, "fr", true},
	{5, "JPN", "13", "Tokyo", "100-0001", "35.7", "139.7", 540, "ja", false},
	{2, "JPN", "27", "Osaka", "530-0001", "34.7", "135.5", 540, "ja", false},
	{3, "CHN", "SH", "Shanghai", "200000", "31.2", "121.5", 480, "zh", false},
	{2, "CHN", "BJ", "Beijing", "100000", "39.9", "116.4", 480, "zh", false},
	{3, "BRA", "SP", "Sao Paulo", "01000", "-23.6", "-46.6", -180, "pt", false},
	{3, "IND", "MH", "Mumbai", "400001", "19.1", "72.9", 330, "en", false},
	{2, "AUS", "NSW", "Sydney", "2000", "-33.9", "151.2", 600, "en", false},
}

// handset is a kind of device. Types are AdCOM's: 2 PC, 4 phone, 5 tablet, 3 TV.
type handset struct {
	weight           int
	deviceType       int
	os, osv          string
	maker, model, ua string
	w, h             int
	connection       int
	apps             float64 // share of its requests that come from apps
}

var handsets = [...]handset{
	{30, 4, "Android", "14", "Samsung", "SM-S918B", "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36", 1080, 2316, 6, 0.55},
	{26, 4, "iOS", "17.4", "Apple", "iPhone15,3", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1", 1290, 2796, 6, 0.5},
	{4, 5, "iOS", "17.4", "Apple", "iPad13,4", "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1", 1668, 2388, 2, 0.4},
	{3, 5, "Android", "13", "Lenovo", "TB-X606F", "Mozilla/5.0 (Linux; Android 13; TB-X606F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36", 1200, 1920, 2, 0.4},
	{25, 2, "Windows", "10", "", "", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36", 1920, 1080, 1, 0},
	{10, 2, "macOS", "14.4", "Apple", "", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15", 2560, 1440, 2, 0},
	{2, 2, "Linux", "", "", "", "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", 1920, 1080, 1, 0},
}

// cohort is where and on what a user lives. A user belongs to one for good.
type cohort struct{ place, handset int }

const (
	cohorts          = len(places) * len(handsets)
	totalPlaceShare  = 116
	totalDeviceShare = 100
)

func (c cohort) index() int { return c.place*len(handsets) + c.handset }

// cohortOf is a function of the user alone: it does not vary with the seed.
func cohortOf(user int) cohort {
	h := draw(0, forCohort, uint64(user))
	place, at := 0, int(h%totalPlaceShare)
	for ; at >= places[place].weight; place++ {
		at -= places[place].weight
	}
	device, at := 0, int(h>>32%totalDeviceShare)
	for ; at >= handsets[device].weight; device++ {
		at -= handsets[device].weight
	}
	return cohort{place, device}
}

// bannerSize is a size in device-independent pixels.
type bannerSize struct {
	W int `json:"w,omitempty"`
	H int `json:"h,omitempty"`
}

// Sizes by device: the first is the likeliest.
var (
	phoneSizes   = []bannerSize{{300, 250}, {320, 50}, {320, 50}, {336, 280}, {300, 250}}
	desktopSizes = []bannerSize{{300, 250}, {728, 90}, {160, 600}, {970, 250}, {336, 280}, {728, 90}, {300, 250}}
)
