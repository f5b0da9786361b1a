package traffic

// IsCrawler says whether a user agent, of whoever called a tracker, is on the
// list of crawlers; app says that the ad was shown in an app. It counts nothing.
func (f *Filter) IsCrawler(userAgent []byte, app bool) bool {
	if !f.on(Crawler) || len(userAgent) == 0 {
		return false
	}
	mark := crawlerBit
	if app {
		mark = crawlerAppBit
	}
	return f.agents.Load().classify(userAgent)&mark != 0
}
