package api

// withCaps adds what frequency caps are.
func withCaps(of map[string]map[string]string) map[string]map[string]string {
	of["Cap"] = map[string]string{
		"max":     "Exposures in the window, 1 to 10000; absent, with the window, where the cap is a recency alone",
		"window":  "Rolling: a whole number of m, h or d from 1m to 90d, or lifetime. Calendar: minute, hour, day, week or month in the advertiser's time zone",
		"kind":    "rolling, or calendar; where not said it follows from the window",
		"per":     "user (where not said) or household",
		"recency": "Least time between two exposures: a whole number of s, m, h or d from 1s to 90d",
	}
	for schema, text := range map[string]string{
		"Advertiser": "At most 8 caps on what one user or household sees of all its campaigns together",
		"Campaign":   "At most 8 caps on what one user or household sees of all its line items together",
		"LineItem":   "At most 8 caps. Those of its campaign, its advertiser and the creative bind as well: all must allow a bid",
		"Creative":   "At most 8 caps on what one user or household sees of it, in whatever line item",
	} {
		if of[schema] == nil {
			of[schema] = map[string]string{}
		}
		of[schema]["frequency_caps"] = text
	}
	of["LineItem"]["frequency_cap"] = "Short for one cap per user and calendar day; 0 is none"
	of["LineItem"]["unknown_users"] = "Users without an id, whom caps can't tell apart: skip (no bid where a cap holds; where not said), bid (uncapped), or site (all of one site or app share the caps)"
	return of
}
