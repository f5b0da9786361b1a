package markup

// Version is a version of VAST, in order of age.
type Version uint8

// The versions that VAST writes.
const (
	VAST20 Version = iota
	VAST30
	VAST40
	VAST41
	VAST42
)

// Versions is how many there are.
const Versions = 5

// String is the version as a document names it.
func (v Version) String() string { return [Versions]string{"2.0", "3.0", "4.0", "4.1", "4.2"}[v] }

// major is the part of the version that a tag's answer is known by.
func (v Version) major() int { return [Versions]int{2, 3, 4, 4, 4}[v] }

// Protocol is AdCOM's value of a document of version v (AdCOM 1.0, List: Creative
// Subtypes - Audio/Video), as bid.protocol says it.
func Protocol(v Version, wrapper bool) int {
	if wrapper {
		return [Versions]int{5, 6, 8, 12, 14}[v]
	}
	return [Versions]int{2, 3, 7, 11, 13}[v]
}

// VersionSet is a set of versions.
type VersionSet uint8

// Has says whether v is in s.
func (s VersionSet) Has(v Version) bool { return s&(1<<v) != 0 }

// VersionsOf are the versions that protocols, of an impression, allow for an ad
// that is a wrapper or is not. Values that are no VAST of ours (1.0, DAAST) allow
// none.
func VersionsOf(protocols []int, wrapper bool) VersionSet {
	var s VersionSet
	for _, p := range protocols {
		for v := range Version(Versions) {
			if Protocol(v, wrapper) == p {
				s |= 1 << v
			}
		}
	}
	return s
}
