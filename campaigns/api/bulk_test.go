package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// finish waits for an operation and returns it with its rows.
func (s *service) finish(key string, a answer) (op answer, rows []map[string]any) {
	s.t.Helper()
	at := a.header.Get("Location")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if op = s.want(200, key, "GET", at, ""); op.body["status"] != "running" {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the operation does not end: %s", op.raw)
		}
	}
	for cursor := ""; cursor != "<nil>"; {
		page := s.want(200, key, "GET", at+"/rows?limit=7&cursor="+cursor, "")
		for _, r := range page.body["items"].([]any) {
			rows = append(rows, r.(map[string]any))
		}
		cursor = fmt.Sprint(page.body["next"])
	}
	return op, rows
}

func outcomes(rows []map[string]any) string {
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprint(r["outcome"]))
	}
	return strings.Join(out, " ")
}

func TestBulkEditsRowByRow(t *testing.T) {
	s := serve(t)
	w, other := s.plant("one"), s.plant("two")
	line := func(fields string) string {
		return fmt.Sprintf(`{"campaign_id":%s,"name":"L","pricing":"cpm","price_micros":2,"max_bid_micros":1,"creative_ids":[%s]%s}`, w.campaign, w.creative, fields)
	}
	body := strings.Join([]string{
		line(""),
		line(`,"colour":1`),
		fmt.Sprintf(`{"id":%s,"name":"renamed","revision":1}`, w.lineItem),
		fmt.Sprintf(`{"id":%s,"max_bid_micros":5}`, w.lineItem),
		fmt.Sprintf(`{"id":%s,"name":"stale","revision":1}`, w.lineItem),
		fmt.Sprintf(`{"id":%s,"name":"theirs"}`, other.lineItem),
		`{"id":"x"}`,
		`7`,
		strings.Replace(line(""), `"campaign_id":`+w.campaign, `"campaign_id":`+other.campaign, 1),
		line(`,"external_id":"e1"`),
		line(`,"external_id":"e1"`),
	}, "\n")
	a := s.want(202, w.advertiserKey, "POST", "/v1/line-items/bulk", body, "Content-Type", "application/x-ndjson")
	op, rows := s.finish(w.advertiserKey, a)
	if op.body["status"] != "done" || op.body["total"] != 11.0 || op.body["done"] != 11.0 || op.body["created"] != 2.0 || op.body["updated"] != 2.0 || op.body["failed"] != 7.0 {
		t.Errorf("got %s", op.raw)
	}
	if got := outcomes(rows); got != "created failed updated updated failed failed failed failed failed created failed" {
		t.Errorf("got %s", got)
	}
	problem := func(row int, status float64, text string) {
		t.Helper()
		p := rows[row-1]["problem"].(map[string]any)
		if p["status"] != status || !strings.Contains(fmt.Sprint(p), text) {
			t.Errorf("row %d: got %v", row, p)
		}
	}
	problem(2, 422, "line_item.colour")
	problem(5, 412, "newer revision")
	problem(6, 404, "no such entity")
	problem(7, 422, "line_item.id")
	problem(8, 400, "one JSON object")
	problem(9, 422, "must be an existing campaign")
	problem(11, 422, "line_item.external_id")
	if rows[2]["revision"] != 2.0 || fmt.Sprint(rows[2]["id"]) != w.lineItem || rows[3]["revision"] != 3.0 {
		t.Errorf("got %v", rows[2:4])
	}
	if a := s.want(200, s.operator, "GET", "/v1/line-items/"+w.lineItem, ""); a.body["name"] != "renamed" || a.body["max_bid_micros"] != 5.0 {
		t.Errorf("got %s", a.raw)
	}
	if a := s.want(200, s.operator, "GET", "/v1/line-items/"+other.lineItem, ""); a.body["revision"] != 1.0 {
		t.Errorf("another tenant's was changed: %s", a.raw)
	}
	if h := s.want(200, s.operator, "GET", "/v1/line-items/"+w.lineItem+"/history?limit=1", ""); !strings.Contains(h.raw, `"name":"advertiser"`) {
		t.Errorf("the history does not tell who: %s", h.raw)
	}
	s.want(404, other.advertiserKey, "GET", a.header.Get("Location"), "")
	s.want(404, other.advertiserKey, "GET", a.header.Get("Location")+"/rows", "")
	if failed := s.want(200, s.operator, "GET", a.header.Get("Location")+"/rows?outcome=failed", ""); len(failed.body["items"].([]any)) != 7 {
		t.Errorf("got %s", failed.raw)
	}
}

func TestBulkAtomicIsAllOrNothing(t *testing.T) {
	s := serve(t)
	rows := func(last string) string {
		var b strings.Builder
		b.WriteString(`[`)
		for i := range 60 {
			fmt.Fprintf(&b, "{\"name\":\"a%d\"},\n", i)
		}
		return b.String() + last + `]`
	}
	a := s.want(202, s.operator, "POST", "/v1/agencies/bulk?atomic=true", rows(`{"name":""}`))
	op, got := s.finish(s.operator, a)
	if op.body["status"] != "failed" || op.body["created"] != 0.0 || op.body["failed"] != 1.0 || len(got) != 61 || got[0]["outcome"] != "skipped" || got[0]["id"] != nil || got[60]["outcome"] != "failed" {
		t.Errorf("got %s and %v", op.raw, got)
	}
	if list := s.want(200, s.operator, "GET", "/v1/agencies", ""); len(list.body["items"].([]any)) != 0 {
		t.Errorf("something was stored: %s", list.raw)
	}
	op, got = s.finish(s.operator, s.want(202, s.operator, "POST", "/v1/agencies/bulk?validate_only=true", rows(`{"name":""}`)))
	if op.body["status"] != "done" || op.body["created"] != 60.0 || op.body["failed"] != 1.0 || got[0]["id"] != nil {
		t.Errorf("got %s and %v", op.raw, got[0])
	}
	if list := s.want(200, s.operator, "GET", "/v1/agencies", ""); len(list.body["items"].([]any)) != 0 {
		t.Errorf("a rehearsal was stored: %s", list.raw)
	}
	op, got = s.finish(s.operator, s.want(202, s.operator, "POST", "/v1/agencies/bulk?atomic=true", rows(`{"name":"z"}`), "Idempotency-Key", "b"))
	if op.body["status"] != "done" || op.body["created"] != 61.0 || outcomes(got) != strings.TrimSpace(strings.Repeat("created ", 61)) {
		t.Errorf("got %s", op.raw)
	}
	again := s.want(202, s.operator, "POST", "/v1/agencies/bulk?atomic=true", rows(`{"name":"z"}`), "Idempotency-Key", "b")
	if again.header.Get("Location") == "" || again.body["id"] != op.body["id"] {
		t.Errorf("got %s", again.raw)
	}
	if list := s.want(200, s.operator, "GET", "/v1/agencies", ""); len(list.body["items"].([]any)) != 61 {
		t.Errorf("got %d agencies", len(list.body["items"].([]any)))
	}
	if n := s.failures.Load(); n != 0 {
		t.Errorf("%d errors behind answers of 500", n)
	}
}

func TestBulkBadBodies(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	f := func(body, rule string) {
		t.Helper()
		s.wantViolation(400, s.operator, "POST", "/v1/agencies/bulk", body, "rows", "", rule)
	}
	f("[]", "at least one row")
	f("\n\n", "at least one row")
	f("[{\"name\":\"a\"},\n{\"name\"}]", "line 2")
	f("{\"name\":\"a\"}\n\n{\"name\":", "line 3")
	f("["+strings.Repeat("{},", 10_000)+"{}]", "at most 10000 rows")
	f(strings.Repeat("{}\n", 10_001), "at most 10000 rows")
	s.want(403, w.agencyKey, "POST", "/v1/agencies/bulk", `[{"name":"a"}]`)
	s.api.Close()
	s.want(503, s.operator, "POST", "/v1/agencies/bulk", `[{"name":"a"}]`)
}
