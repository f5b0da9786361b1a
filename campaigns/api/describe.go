package api

import (
	"fmt"
	"maps"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

// describeFields writes into the document what a field's name and type do not
// say. An error names a field that is not there.
func describeFields(reg huma.Registry) error {
	all := withCaps(descriptions())
	for _, k := range campaigns.Kinds() {
		name := reflect.TypeOf(campaigns.NewEntity(k)).Elem().Name()
		if all[name] == nil {
			all[name] = map[string]string{}
		}
		maps.Copy(all[name], common())
	}
	for schema, fields := range all {
		s := reg.Map()[schema]
		if s == nil {
			return fmt.Errorf("api: no schema %q to describe", schema)
		}
		for name, text := range fields {
			p := s.Properties[name]
			if p == nil {
				return fmt.Errorf("api: %s has no field %q to describe", schema, name)
			}
			p.Description = text
		}
	}
	return nil
}

// common are the fields of every kind.
func common() map[string]string {
	return map[string]string{
		"id":          "Assigned: positive, unique within the kind, never given twice",
		"revision":    "Grows by one with each change; the ETag has it",
		"created_at":  "When it was made",
		"updated_at":  "When it was changed last",
		"external_id": "Your own id of it: 1 to 128 visible ASCII characters, unique within the kind among the advertiser's (an advertiser's: among the agency's)",
		"name":        "For people: 1 to 200 bytes",
		"status":      "active (where not said), paused, or archived: for good",
	}
}

// descriptions are by schema and field. What a client may send shares its
// fields' schemas with what is answered.
func descriptions() map[string]map[string]string {
	return map[string]map[string]string{
		"Advertiser": {
			"show_costs": "The contract tells the advertiser media cost and margin in its reports, and who holds a link to one",
		},
		"ConversionDefinition": {
			"type":               "Of the conversions that it counts, such as purchase: 1 to 64 of a-z, 0-9, _, - and .",
			"click_window_hours": "How long before a conversion a click is a touch; absent: as the advertiser's, which it must not pass",
			"view_window_hours":  "The same of impressions",
			"ignore_views":       "Clicks alone are touches",
			"model":              "last (where not said), first, linear, time_decay, position, markov or shapley; what is charged follows the last touch whatever is said here",
			"half_life_hours":    "time_decay alone: 1 to 2160; 168 where not said",
			"value":              "reported (where not said), fixed (fixed_value_nanos each) or none",
			"fixed_value_nanos":  "fixed alone: what one is worth",
			"count":              "every (where not said), or one: the first of each last touch, as leads are counted",
		},
		"Experiment": {
			"line_item_ids": "What held-out users are not shown; absent: the campaign's every line item",
			"holdout_ppm":   "The share of users who are held out, 1 to 900,000; it can't change",
			"salt":          "Decides, with the user's key, who is held out; experiments of one salt hold out the same users. It can't change",
			"start":         "From when on",
			"end":           "Until when; a pause shows the ads to everybody and spoils the comparison",
		},
		"Campaign": {
			"flights": "Times with a budget of their own, ascending and not overlapping, within the dates; where there are any it may spend only inside them",
		},
		"Flight": {
			"budget_nanos": "Of the charge within this flight, beside the budget; what is left over is not the next flight's",
		},
		"LineItem": {
			"price_micros":                 "cpm, vcpm: per 1,000 impressions, viewable ones; cpcv, cpc, cpa, cpd: per completed view, click, conversion, day; dcpm, cps: none",
			"markup_ppm":                   "dcpm alone: what is charged on top of media, as a share of it: 1 to 10,000,000",
			"sale_share_ppm":               "cps alone: the share of a sale's value that is charged",
			"expected_ctr_ppm":             "Prior clicks per impression; cpc, cpa and cps need it",
			"expected_view_rate_ppm":       "vcpm alone: prior viewable impressions per impression",
			"expected_completion_rate_ppm": "cpcv alone: prior completed views per impression",
			"expected_cvr_ppm":             "cpa and cps alone: prior conversions per click",
			"expected_sale_nanos":          "cps alone: prior value of a sale",
			"learning_budget_nanos":        "vcpm, cpcv, cpc, cpa, cps: spent on media for a creative at one placement before the rates seen there count",
			"media_cap":                    "The largest media cost; a part that is 0 is the budget's",
			"conversion_delay_hours":       "cpa and cps alone: mean time from click to conversion, 0 to 2160; 0 is a day",
			"guaranteed":                   "Sold as a guaranteed deal: needs targeting.deals and the pricing cpm, and bids past pacing while the budget lasts",
			"pacing":                       "even (where not said): as its traffic comes; ahead: the same, earlier; asap: as fast as budgets allow",
			"flights":                      "As a campaign's, within the line item's dates",
		},
		"Creative": {
			"asset_id":    "An uploaded file in the place of image_url and html: an image or an HTML5 zip",
			"asset_file":  "The file's name, as its asset has it; what is given is not looked at",
			"format":      "banner (where not said), video, audio or native; each has its own fields, the others' must be absent",
			"w":           "Pixels. Required of a banner; of a video the player it was made for, or absent; absent for audio and native",
			"h":           "Pixels, as w",
			"image_url":   "banner: https; exactly one of image_url, html and asset_id",
			"html":        "banner: a tag of at most 64 KB that loads everything by https; ${CLICK_URL} or ${CLICK_URL_ESC} where the click goes",
			"api":         "AdCOM API frameworks that the ad needs: 1, 2 VPAID; 3, 5, 6 MRAID 1 to 3; 7 OMID; 8, 9 SIMID; 500 to 999 of an exchange",
			"expdir":      "banner of html: AdCOM directions in which it expands, 1 to 6; empty: it does not",
			"vast":        "video and audio: the ad",
			"native":      "native: the assets",
			"landing_url": "Where a click leads: https, a host of the advertiser's redirect_hosts. Required of images, native ads and html with a click macro",
			"adomain":     "Domains of what is advertised, for block lists; else the advertiser's domain",
			"bundle":      "Of the app that is advertised, for block lists of apps",
			"cat":         "Categories of the taxonomy that cattax names, for block lists",
			"cattax":      "AdCOM category taxonomy of cat: 1 (where not said), 2, 5, 6, 7 or 9: IAB content categories 1.0, 2.0, 2.1, 2.2, 3.0, 3.1",
			"attr":        "AdCOM creative attributes: 1 to 18, 500 to 999 of an exchange",
			"language":    "ISO 639-1, two letters, or empty",
			"exchanges":   "What each exchange that reviews creatives knows it as, by the exchange's name; operators set it",
		},
		"BidModifier": {
			"line_item_id": "Whose bids it modifies",
			"dimension":    "exchange, country, region, device_type, os, domain (or any parent of it), bundle or hour_of_week; values are as in targeting",
			"values":       "1 to 1,000 values, each with its share",
			"other_ppm":    "Share of requests with none of the values, or without the dimension; 0 is all",
		},
		"ValueModifier": {
			"value":   "As in targeting",
			"bid_ppm": "What is bid of the value of the impression: 10,000 (1%) to 1,000,000 (all of it). Modifiers of several dimensions multiply; none raises a bid above what the impression is worth",
		},
		"Segment": {
			"advertiser_id": "Whose it is",
			"tags":          "What of tags a user must hold, as in targeting",
		},
		"SiteList": {
			"advertiser_id": "Whose it is",
			"type":          "domains or bundles; it must not change",
			"entries":       "1 to 10,000 domains (a parent holds for its subdomains) or bundle ids",
		},
		"Targeting": {
			"segments": "Ids of the advertiser's segments: the user must be in all of them",
			"lists":    "Ids of the advertiser's lists of sites and apps; included ones are alternatives to domains and bundles",
		},
		"Asset": {
			"name":           "As it was uploaded",
			"file":           "The name under which it is served: its SHA-256 and what its content is",
			"sha256":         "Of what was uploaded, in hex",
			"type":           "image, html5, video, audio or vast, as its content says",
			"mime":           "Media type, as its content says",
			"bytes":          "Of what was uploaded",
			"unpacked_bytes": "Of an HTML5 zip's files",
			"w":              "Pixels; of an HTML5 page what its ad.size says",
			"h":              "Pixels, as w",
			"duration_ms":    "Of video, audio, VAST, and an image's animation with its repeats",
			"bitrate_kbps":   "Average",
			"frames":         "Of an image; more than 1 where it moves",
			"colour":         "Of an image: gray, palette, rgb or cmyk, with -alpha where something shines through",
			"codecs":         "Of video and audio, such as avc1, mp4a, vp9, opus",
			"vast_version":   "Major version of a VAST document",
			"parts":          "Files of an HTML5 zip",
			"calls":          "Hosts that an HTML5 page or a VAST document was seen to call",
		},
		"FilePart": {
			"path":  "Within the zip",
			"mime":  "Media type, as its content says",
			"bytes": "Unpacked",
		},
		"Registration": {
			"status": "pending, approved or rejected: the state of the exchange's review",
			"id":     "The exchange's own id of it, at most 128 visible ASCII characters",
			"reason": "Why it was rejected",
		},
		"VAST": {
			"asset_id":            "An uploaded file in the place of media_files and tag_url: a VAST document, served as a wrapper",
			"asset_file":          "The file's name, as its asset has it; what is given is not looked at",
			"media_files":         "Renditions of the ad, served inline; exactly one of media_files, tag_url and asset_id",
			"tag_url":             "https address of another ad server's VAST, served as a wrapper",
			"tag_version":         "Major VAST version of tag_url: 2, 3 or 4",
			"duration_seconds":    "1 to 3600",
			"skip_offset_seconds": "After how many seconds the ad itself lets viewers skip; 0: never",
			"non_linear":          "An overlay on the content (its files are images) instead of a break in it",
			"companions":          "Images beside a player that offers room for them",
			"verification":        "Viewability and verification vendors (VAST AdVerifications, OMID)",
		},
		"MediaFile": {
			"asset_id":     "An uploaded file in the place of url: a video, audio or image; mime, size and bitrate may then be left out",
			"asset_file":   "The file's name, as its asset has it; what is given is not looked at",
			"url":          "https",
			"mime":         "Media type in lower case, such as video/mp4",
			"w":            "Pixels; absent for audio",
			"h":            "Pixels; absent for audio",
			"bitrate_kbps": "Average; 0 where not known",
			"streaming":    "HLS or DASH; else progressive",
		},
		"Companion": {
			"asset_id":   "An uploaded file in the place of image_url: an image",
			"asset_file": "The file's name, as its asset has it; what is given is not looked at",
			"w":          "Pixels",
			"h":          "Pixels",
			"image_url":  "https",
		},
		"Verification": {
			"vendor":     "Such as company.com-omid",
			"script_url": "https",
			"parameters": "Handed to the script",
		},
		"NativeAd": {
			"title": "At most 200 bytes; placements say how much they show",
			"icon":  "OpenRTB Native image type 1",
			"main":  "OpenRTB Native image type 3, in several sizes",
			"data":  "At most one of each type",
			"video": "For placements that ask for a video",
		},
		"NativeImage": {
			"asset_id":   "An uploaded file in the place of url: an image",
			"asset_file": "The file's name, as its asset has it; what is given is not looked at",
			"url":        "https",
			"w":          "Pixels",
			"h":          "Pixels",
		},
		"NativeData": {
			"type":  "OpenRTB Native data type: 1 sponsored, 2 description, 3 rating, ... 12 call to action; 500 to 999 of an exchange",
			"value": "Text; of types 3 to 5 a number such as 4.5",
		},
	}
}
