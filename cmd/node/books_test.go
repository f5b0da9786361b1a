package node

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"bidhawk/campaigns"
)

// The operator pays in and corrects; the answer is the ledger's decision, a
// repeat books nothing, and bad input leaves the ledger as it was.
func TestPaymentsAndAdjustments(t *testing.T) {
	c := installation(t)
	r := start(t, c)
	var advertiser *campaigns.Advertiser
	for _, a := range r.n.feed.Catalog().Advertisers {
		if advertiser == nil || a.ID < advertiser.ID {
			advertiser = a
		}
	}
	var item campaigns.ID
	for id := range r.n.feed.Catalog().LineItems {
		if l, ok := r.n.feed.Catalog().Lineage(id); ok && l.Advertiser.ID == advertiser.ID {
			item = id
		}
	}
	base := fmt.Sprintf("/v1/advertisers/%d", advertiser.ID)
	post := func(path, body string, want int, say string) {
		t.Helper()
		if code, _, b := r.call(r.key, http.MethodPost, base+path, body); code != want || !strings.Contains(string(b), say) {
			t.Errorf("%s %s: got %d %s; want %d with %q", path, body, code, b, want, say)
		}
	}
	post("/payments", `{"id":"p1","amount":"100.000000001","currency":"USD","reference":"bank"}`, 200, `"outcome":"posted"`)
	post("/payments", `{"id":"p1","amount":"100.000000001","currency":"USD"}`, 200, `"payment":"100.000000001"`)
	post("/payments", `{"id":"p1","amount":"7","currency":"USD"}`, 409, "another booking")
	post("/payments", `{"id":"p2","amount":"500","currency":"USD","refund":true}`, 409, "refused")
	post("/payments", `{"id":"p3","amount":"40","currency":"USD","refund":true}`, 200, `"payment":"-40"`)
	for body, field := range map[string]string{
		`{"id":"b","amount":"-1","currency":"USD"}`:           "body.amount",
		`{"id":"b","amount":"0","currency":"USD"}`:            "body.amount",
		`{"id":"b","amount":"1e300","currency":"USD"}`:        "body.amount",
		`{"id":"b","amount":"9999999999","currency":"USD"}`:   "body.amount",
		`{"id":"b","amount":"0.0000000001","currency":"USD"}`: "body.amount",
		`{"id":"b","amount":"1","currency":""}`:               "body.currency",
		`{"id":"b","amount":"1","currency":"EUR"}`:            "body.currency",
		`{"id":"b","amount":"1"}`:                             "currency",
		`{"id":"","amount":"1","currency":"USD"}`:             "id",
	} {
		post("/payments", body, 422, strings.TrimPrefix(field, "body."))
	}
	adjust := func(fields string) string {
		return fmt.Sprintf(`{"line_item":%d,"currency":"USD","cause":"fx","reason":"test",%s}`, item, fields)
	}
	post("/adjustments", adjust(`"id":"a1","data_fee":"0.5"`), 200, `"margin":"-0.5"`)
	post("/adjustments", adjust(`"id":"a1","data_fee":"0.5"`), 200, `"outcome":"adjusted"`)
	post("/adjustments", adjust(`"id":"a2","charge":"-1"`), 409, "refused") // nothing was posted that could be taken away
	post("/adjustments", adjust(`"id":"a3","media":"1"`), 422, "payable")
	post("/adjustments", adjust(`"id":"a3","payable":"1","media":"1","payable_currency":"USD"`), 422, "exchange")
	post("/adjustments", adjust(`"id":"a3"`), 422, "every amount is 0")
	post("/adjustments", fmt.Sprintf(`{"id":"a4","line_item":%d,"currency":"USD","charge":"1","cause":"fx","reason":"r"}`, item+100000), 422, "line_item")
	var b balanceBody
	r.do(http.MethodGet, base+"/balance", "", &b)
	if b.Paid != "60.000000001" || b.Charged != "0" || len(b.Accounts) < 3 || len(b.Accounts[0].Horizons) < 2 {
		t.Errorf("balance: got %+v", b)
	}
	var st struct {
		Closing string            `json:"closing_balance"`
		Lines   []json.RawMessage `json:"lines"`
	}
	day := Clock()
	r.do(http.MethodGet, base+fmt.Sprintf("/statement?from=%s&to=%s", day.AddDate(0, 0, -2).Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly)), "", &st)
	if st.Closing != "60.000000001" || len(st.Lines) < 2 {
		t.Errorf("statement: got %+v", st)
	}
	if code, _, _ := r.call("wrong", http.MethodGet, base+"/balance", ""); code != 401 {
		t.Errorf("a wrong key: got %d", code)
	}
	if code, _, b := r.call(r.key, http.MethodGet, "/v1/advertisers/999999/balance", ""); code != 404 {
		t.Errorf("an unknown advertiser: got %d %s", code, b)
	}
	if _, err := RebuildLedger(t.Context(), c); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("rebuild of a running node: got %v", err)
	}
	r.stop()
	rebuildOf(t, c)
}

// rebuildOf breaks a stopped node's ledger, and mends it.
func rebuildOf(t *testing.T, c Config) {
	t.Helper()
	manifests, err := filepath.Glob(filepath.Join(c.LedgerDir(), "MANIFEST-*"))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("no manifest: %v", err)
	}
	for _, m := range manifests {
		b, err := os.ReadFile(m)
		if err != nil {
			t.Fatal(err)
		}
		b[0] ^= 0xff
		if err := os.WriteFile(m, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := New(t.Context(), c, zap.NewNop()); err == nil {
		_ = n.close()
		t.Fatal("a node starts on a broken ledger")
	} else if !strings.Contains(err.Error(), "MANIFEST-") || !strings.Contains(err.Error(), "bidhawk ledger rebuild") {
		t.Errorf("got %v; want the file and the command that helps", err)
	}
	out, err := RebuildLedger(t.Context(), c)
	if err != nil || !out.Audit.Clean() || out.Records == 0 || out.Aside == "" {
		t.Fatalf("rebuild: got %+v, %v", out, err)
	}
	if paid := out.Audit.Totals; len(paid) == 0 {
		t.Error("the audit has no balances")
	}
	start(t, c).stop()
}
