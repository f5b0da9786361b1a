package traffic

import (
	"bytes"

	"bidhawk/internal/openrtb"
)

// What can't be true of a device that a person holds. Each rule is a verdict of
// its own and looks only for what contradicts itself, or what nothing has; a
// field that is missing, unknown or merely sloppy breaks none.
//
//	user_agent_garbage      device.ua is an unreplaced macro (${UA}, {ua}, %%UA%%, [UA], __UA__), has control characters or "<script"
//	sua_against_ua          sua.platform is of another family than ua's
//	os_against_ua           device.os is
//	store_against_ua        app.storeurl is of Google Play or the App Store, or app.bundle is an id of the
//	                        latter (9 or 10 digits), and the user agent is of another family: an app in a desktop browser
//	device_type_against_ua  an iPhone that is a PC, television or set-top box (2, 3, 7), a phone (4) that runs Windows NT
//	screen_size             a side of device.w x h below 0, of 1 to 15 pixels, or above 32,767
//	language                device.language has no letter, has '<' or is an unreplaced macro
//	ifa_garbage             device.ifa is an unreplaced macro, a word for nothing, one digit repeated (but
//	                        0: that is "tracking is off", and honest) or a sequence out of examples
//
// Families are Windows, macOS, iOS (with iPadOS and tvOS), Android (with Fire OS)
// and Linux (with Chrome OS). macOS and iOS go together, and so do Android and
// Linux: tablets and phones ask for desktop pages under the other name.
// Televisions, consoles, Windows phones and cloud browsers are of no family.
func (f *Filter) impossible(r *openrtb.BidRequest, ua agentClass) Verdict {
	d := r.Device
	of := ua.family()
	platform := familyUnknown
	if d.SUA != nil {
		platform = familyOf(d.SUA.Platform.Brand)
	}
	best := of // the structured user agent is trusted before the other
	if platform != familyUnknown {
		best = platform
	}
	switch {
	case f.on(UserAgentGarbage) && ua&garbageBit != 0:
		return UserAgentGarbage
	case f.on(SUAAgainstUA) && platform.contradicts(of):
		return SUAAgainstUA
	case f.on(OSAgainstUA) && familyOf(d.OS).contradicts(best):
		return OSAgainstUA
	case f.on(StoreAgainstUA) && r.App != nil && storeFamily(r.App).contradicts(best):
		return StoreAgainstUA
	case f.on(DeviceTypeAgainstUA) && deviceTypeAgainst(d.DeviceType, ua, best):
		return DeviceTypeAgainstUA
	case f.on(ScreenSize) && (noScreen(d.W) || noScreen(d.H)):
		return ScreenSize
	case f.on(Language) && noLanguage(d.Language):
		return Language
	case f.on(IFAGarbage) && garbageIFA(d.IFA):
		return IFAGarbage
	}
	return OK
}

// familyOf reads device.os or sua.platform.brand; a name it does not know for
// certain is of no family.
func familyOf(os []byte) family {
	if len(os) == 0 || len(os) > 20 {
		return familyUnknown
	}
	var low [20]byte
	n := copy(low[:], os)
	for i, b := range low[:n] {
		if b >= 'A' && b <= 'Z' {
			low[i] = b + 'a' - 'A'
		}
	}
	switch string(low[:n]) {
	case "windows":
		return familyWindows
	case "macos", "mac os", "mac os x", "os x", "osx":
		return familyMac
	case "ios", "ipados", "iphone os", "tvos":
		return familyIOS
	case "android", "fire os", "fireos":
		return familyAndroid
	case "linux", "chrome os", "chromeos", "chromium os", "ubuntu":
		return familyLinux
	}
	return familyUnknown
}

// storeFamily is the system of the store that the app is of.
func storeFamily(a *openrtb.App) family {
	url := a.StoreURL[:min(len(a.StoreURL), 256)]
	switch has := func(s string) bool { return bytes.Contains(url, []byte(s)) }; {
	case has("://play.google.com/"):
		return familyAndroid
	case has("://apps.apple.com/"), has("://itunes.apple.com/"):
		return familyIOS
	}
	// Apple's ids have 9 or 10 digits; those of televisions' stores fewer or more.
	if n := len(a.Bundle); len(url) == 0 && (n == 9 || n == 10) && digits(a.Bundle) {
		return familyIOS
	}
	return familyUnknown
}

func digits(s []byte) bool {
	for _, b := range s {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// deviceTypeAgainst compares with AdCOM's list of device types.
func deviceTypeAgainst(deviceType int, ua agentClass, of family) bool {
	const pc, tv, phone, setTop = 2, 3, 4, 7
	switch deviceType {
	case pc, tv, setTop:
		return ua&iPhoneBit != 0
	case phone:
		return of == familyWindows
	}
	return false
}

func noScreen(side int) bool { return side < 0 || side > 0 && side < 16 || side > 32_767 }

func noLanguage(s []byte) bool {
	if len(s) == 0 {
		return false
	}
	letters := 0
	for _, b := range s[:min(len(s), 64)] {
		if b == '<' {
			return true
		}
		if b|0x20 >= 'a' && b|0x20 <= 'z' || b >= 0x80 {
			letters++
		}
	}
	return letters == 0 || unreplaced(s)
}

// garbageIFA knows ids that many devices are sent with.
func garbageIFA(ifa []byte) bool {
	if len(ifa) == 0 || len(ifa) > 64 {
		return false
	}
	switch view(ifa) {
	case "null", "(null)", "undefined", "unknown", "none", "nil", "NaN", "NULL",
		"12345678-1234-1234-1234-123456789012", "12345678-1234-1234-1234-123456789abc",
		"01234567-89ab-cdef-0123-456789abcdef", "123e4567-e89b-12d3-a456-426614174000", // RFC 4122's example
		"9774d56d682e549c": // the id that a fault of Android 2.2 gave to many phones
		return true
	}
	return sameDigit(ifa) || unreplaced(ifa)
}

// sameDigit says that a long id is one character repeated, but 0.
func sameDigit(ifa []byte) bool {
	first := ifa[0]
	if len(ifa) < 16 || first == '0' || first == '-' {
		return false
	}
	for _, b := range ifa {
		if b != first && b != '-' {
			return false
		}
	}
	return true
}
