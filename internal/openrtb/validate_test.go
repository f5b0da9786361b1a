package openrtb

import (
	"errors"
	"strings"
	"testing"
)

// valid is a request that Validate accepts; the tests break it in one place.
const valid = `{"id":"r","imp":[{"id":"1","banner":{"w":300,"h":250,"format":[{"w":1,"h":1}]},` +
	`"video":{"mimes":["video/mp4"],"maxduration":30},"audio":{"mimes":["audio/mp4"],"rqddurs":[15]},` +
	`"native":{"request":"{}"},"pmp":{"deals":[{"id":"d"}]}},{"id":"2","banner":{}}],"tmax":100,"site":{"id":"s"},` +
	`"source":{"schain":{"complete":0,"ver":"1.0","nodes":[{"asi":"a","sid":"s"}]}}}`

func validateErr(t *testing.T, body string) error {
	t.Helper()
	return mustDecode(t, body).Validate()
}

func TestValidateAccepts(t *testing.T) {
	if err := validateErr(t, valid); err != nil {
		t.Fatal(err)
	}
}

// breaks replaces old by new in the valid request and wants one error.
func breaks(t *testing.T, old, new, field string, reason Reason) {
	t.Helper()
	if strings.Count(valid, old) != 1 {
		t.Fatalf("%q is not once in the valid request", old)
	}
	err := validateErr(t, strings.Replace(valid, old, new, 1))
	fe, ok := errors.AsType[*FieldError](err)
	if !ok || fe.Field != field || fe.Reason != reason {
		t.Errorf("%s -> %s: got %v; want %s of %s", old, new, err, reason, field)
	}
}

// TestRequired is the row "Required".
func TestRequired(t *testing.T) {
	f := func(old, new, field string) {
		t.Helper()
		breaks(t, old, new, field, ReasonMissing)
	}
	f(`"id":"r"`, `"id":""`, "id")
	f(`"id":"r",`, ``, "id")
	f(`"imp":[`, `"imp":[],"x":[`, "imp")
	f(`"id":"2"`, `"id":null`, "imp[1].id")
	f(`"banner":{}`, `"metric":[]`, "imp[1].banner")
	f(`"mimes":["video/mp4"]`, `"mimes":[]`, "imp[0].video.mimes")
	f(`"mimes":["audio/mp4"]`, `"mimes":[""]`, "imp[0].audio.mimes")
	f(`"request":"{}"`, `"ver":"1.2"`, "imp[0].native.request")
	f(`"id":"d"`, `"at":1`, "imp[0].pmp.deals[0].id")
	f(`"complete":0,`, ``, "schain.complete")
	f(`"ver":"1.0"`, `"ver":null`, "schain.ver")
	f(`"nodes":[`, `"nodes":[],"x":[`, "schain.nodes")
	f(`"asi":"a"`, `"asi":""`, "schain.nodes[0].asi")
	f(`"sid":"s"`, `"rid":"s"`, "schain.nodes[0].sid")
}

// TestExclusive is the row "Exclusive".
func TestExclusive(t *testing.T) {
	f := func(old, new, field string) {
		t.Helper()
		breaks(t, old, new, field, ReasonExclusive)
	}
	f(`"tmax":100`, `"app":{}`, "site")
	f(`"tmax":100`, `"dooh":{}`, "site")
	f(`"site":{"id":"s"}`, `"app":{},"dooh":{}`, "site")
	f(`"tmax":100`, `"wseat":["a"],"bseat":["b"]`, "bseat")
	f(`"tmax":100`, `"acat":["a"],"bcat":["b"]`, "acat")
	f(`"rqddurs":[15]`, `"rqddurs":[15],"maxduration":30`, "imp[0].audio.rqddurs")
	f(`"maxduration":30`, `"rqddurs":[15],"minduration":5`, "imp[0].video.rqddurs")
}

func TestRanges(t *testing.T) {
	f := func(old, new, field string) {
		t.Helper()
		breaks(t, old, new, field, ReasonRange)
	}
	f(`"tmax":100`, `"tmax":-1`, "tmax")
	f(`"w":300`, `"w":-300`, "imp[0].banner.w")
	f(`"h":250`, `"h":-1`, "imp[0].banner.h")
	f(`{"w":1,"h":1}`, `{"w":1,"h":1},{"wratio":-1}`, "imp[0].banner.format[1].wratio")
	f(`"maxduration":30`, `"maxduration":-30`, "imp[0].video.maxduration")
	f(`"maxduration":30`, `"w":-1`, "imp[0].video.w")
	f(`"rqddurs":[15]`, `"rqddurs":[15,0]`, "imp[0].audio.rqddurs")
	f(`"rqddurs":[15]`, `"maxseq":-1`, "imp[0].audio.maxseq")
	f(`"id":"2",`, `"id":"2","bidfloorcur":"US",`, "imp[1].bidfloorcur")
	f(`"id":"2",`, `"id":"2","exp":-1,`, "imp[1].exp")
	f(`"id":"d"`, `"id":"d","bidfloorcur":"$"`, "imp[0].pmp.deals[0].bidfloorcur")
	breaks(t, `"id":"2"`, `"id":"1"`, "imp[1].id", ReasonDuplicate)
}

func TestSChainErrorComesLast(t *testing.T) {
	body := strings.Replace(strings.Replace(valid, `"ver":"1.0"`, `"ver":""`, 1), `"id":"2"`, `"id":"1"`, 1)
	err := validateErr(t, body)
	if fe, ok := errors.AsType[*FieldError](err); !ok || fe.Field != "imp[1].id" {
		t.Errorf("got %v; want the imp's error before the chain's", err)
	}
}
