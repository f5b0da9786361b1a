package openrtb

import (
	"errors"
	"strings"
	"testing"
)

func TestSyntaxErrors(t *testing.T) {
	f := func(body string, offset int, reason Reason) {
		t.Helper()
		var r BidRequest
		err := r.Decode([]byte(body))
		se, ok := errors.AsType[*SyntaxError](err)
		if !ok || se.Reason != reason || se.Offset != offset {
			t.Errorf("%.60q: got %v; want %s at byte %d", body, err, reason, offset)
		}
	}
	f(``, 0, ReasonSyntax)
	f("  \n", 3, ReasonSyntax)
	f(`{`, 1, ReasonSyntax)
	f(`{"id"`, 5, ReasonSyntax)
	f(`{"id":`, 6, ReasonSyntax)
	f(`{"id":"1"`, 9, ReasonSyntax)
	f(`{"id":"1",}`, 10, ReasonSyntax)
	f(`{"id":"1" "at":1}`, 10, ReasonSyntax)
	f(`{"id":"1"}}`, 10, ReasonSyntax)
	f(`{"id":"1"}{}`, 10, ReasonSyntax)
	f(`{id:1}`, 1, ReasonSyntax)
	f(`{"id":'1'}`, 6, ReasonSyntax)
	f(`{"x":01}`, 5, ReasonSyntax)
	f(`{"x":1.}`, 5, ReasonSyntax)
	f(`{"x":.5}`, 5, ReasonSyntax)
	f(`{"x":+1}`, 5, ReasonSyntax)
	f(`{"x":NaN}`, 5, ReasonSyntax)
	f(`{"x":1e}`, 5, ReasonSyntax)
	f(`{"x":nul}`, 5, ReasonSyntax)
	f(`{"x":[1,]}`, 8, ReasonSyntax)
	f(`{"x":[1}`, 7, ReasonSyntax)
	f("{\"x\":\"a\nb\"}", 7, ReasonSyntax)
	f(`{"x":"\x41"}`, 6, ReasonSyntax)
	f(`{"x":"\u12g4"}`, 6, ReasonSyntax)
	f(`{"x":"\`, 6, ReasonSyntax)
	f("{\"x\":\x001}", 5, ReasonSyntax)
	f("{\"x\":1}\x00", 7, ReasonSyntax)
	f("\xff\xfe{\x00}\x00", 0, ReasonSyntax)
	f(`{"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`}`, 5+MaxDepth, ReasonDepth)
	f(`{"imp":[`+strings.Repeat(`{"ext":`, 100), 8+7*(MaxDepth-2)+1, ReasonDepth)
}

func TestDepthBound(t *testing.T) {
	var r BidRequest
	nested := func(n int) []byte {
		return []byte(`{"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`)
	}
	if err := r.Decode(nested(MaxDepth - 1)); err != nil {
		t.Errorf("%d levels: %v", MaxDepth, err)
	}
	if err := r.Decode(nested(MaxDepth)); ReasonOf(err) != ReasonDepth {
		t.Errorf("%d levels: got %v; want a %s error", MaxDepth+1, err, ReasonDepth)
	}
}

func TestFieldErrors(t *testing.T) {
	f := func(body, field, value string, reason Reason) {
		t.Helper()
		var r BidRequest
		err := r.Decode([]byte(body))
		if err == nil {
			err = r.Validate()
		}
		fe, ok := errors.AsType[*FieldError](err)
		if !ok || fe.Field != field || fe.Value != value || fe.Reason != reason {
			t.Errorf("%.80s: got %#v; want %s of %s with value %q", body, err, reason, field, value)
		}
	}
	f(`[1]`, "", "[1]", ReasonType)
	f(`"text"`, "", `"text"`, ReasonType)
	f(`12`, "", "12", ReasonType)
	f(`{"id":{"a":1}}`, "id", `{"a":1}`, ReasonType)
	f(`{"id":true}`, "id", "true", ReasonType)
	f(`{"imp":{}}`, "imp", "{}", ReasonType)
	f(`{"imp":[{}, {"banner" : {"w": {}}}]}`, "imp[1].banner.w", "{}", ReasonType)
	f(`{"x":[[1,{"a":2}],3],"tmax":"soon"}`, "tmax", `"soon"`, ReasonType)
	f(`{"tmax":1e30}`, "tmax", "1e30", ReasonRange)
	f(`{"tmax":12345678901234567890}`, "tmax", "12345678901234567890", ReasonRange)
	f(`{"imp":[{"bidfloor":true}]}`, "imp[0].bidfloor", "true", ReasonType)
	f(`{"imp":[{"bidfloor":"1,5"}]}`, "imp[0].bidfloor", `"1,5"`, ReasonType)
	f(`{"imp":[{"bidfloor":1000000.01}]}`, "imp[0].bidfloor", "1000000.01", ReasonRange)
	f(`{"imp":[{"bidfloor":1e400}]}`, "imp[0].bidfloor", "1e400", ReasonRange)
	f(`{"bcat":["a",["b"]]}`, "bcat[1]", `["b"]`, ReasonType)
	f(`{"regs":{"ext":"x"}}`, "regs.ext", `"x"`, ReasonType)
	f(`{"user":{"data":[{"segment":7}]}}`, "user.data[0].segment", "7", ReasonType)
	f("{\"id\":\"a\xff\"}", "id", "\"a\xff\"", ReasonEncoding)
	f(`{"imp":[{"id":"\ud800"}]}`, "imp[0].id", `"\ud800"`, ReasonEncoding)
	f(`{"id":"`+strings.Repeat("x", 513)+`"}`, "id", `"`+strings.Repeat("x", 36)+"...", ReasonLimit)
	f(`{"imp":[`+strings.Repeat("{},", MaxImps)+`{}]}`, "imp[256]", "", ReasonLimit)
	f(`{"bcat":[`+strings.Repeat(`"a",`, MaxStrings)+`"b"]}`, "bcat[32768]", "", ReasonLimit)
	f(`{"imp":[{`+strings.Repeat(`"video":{},`, MaxObjects)+`"video":{}}]}`, "imp[0].video", "", ReasonLimit)
	f(strings.Repeat(" ", MaxBody+1), "", "", ReasonLimit)
}

func TestInformingListsAreCut(t *testing.T) {
	r := mustDecode(t, `{"user":{"data":[{"segment":[`+strings.Repeat(`{"id":"1"},`, MaxSegments+6)+`{"id":"1"}]}]}}`)
	if n := len(r.User.Data[0].Segment); n != MaxSegments || r.Truncated != 7 {
		t.Errorf("got %d segments, %d cut; want %d and 7", n, r.Truncated, MaxSegments)
	}
	r = mustDecode(t, `{"site":{"cat":[`+strings.Repeat(`"a",`, maxInfoStrings)+`"b"]},"bcat":["c"]}`)
	if n := len(r.Site.Cat); n != maxInfoStrings || r.Truncated != 1 || len(r.BCat) != 1 {
		t.Errorf("got %d categories, %d cut, %d blocked; want %d, 1 and 1", n, r.Truncated, len(r.BCat), maxInfoStrings)
	}
}

func TestErrorTexts(t *testing.T) {
	f := func(err error, want string) {
		t.Helper()
		if got := err.Error(); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
	f(&SyntaxError{Offset: 7, Rule: "want ':'"}, "bid request at byte 7: want ':'")
	f(&FieldError{Field: "tmax", Value: "-1", Rule: "want a number"}, `bid request field tmax: got "-1": want a number`)
	f(&FieldError{Rule: "want an object"}, "bid request: want an object")
	if got := ReasonOf(errors.New("x")); got != ReasonOther {
		t.Errorf("got %s; want %s", got, ReasonOther)
	}
}

func TestNoRequestAfterAnError(t *testing.T) {
	r := mustDecode(t, `{"id":"1","imp":[{"id":"a"}],"at":1,"site":{}}`)
	if err := r.Decode([]byte(`{"id":"2","imp":[{"id":"b"}],"at":1,"app":{}}x`)); err == nil {
		t.Fatal("accepted")
	}
	var empty BidRequest
	empty.Reset()
	if got, want := snapshot(t, r), snapshot(t, &empty); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}
