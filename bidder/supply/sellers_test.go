package supply

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParseSellersGolden(t *testing.T) {
	var b strings.Builder
	sum, err := ParseSellers(strings.NewReader("\ufeff"+string(testFile(t, "exchange.sellers.json"))), func(s *Seller) error {
		fmt.Fprintf(&b, "%+v\n", *s)
		return nil
	})
	fmt.Fprintf(&b, "%+v %v\n", sum, err)
	golden(t, "exchange.sellers.golden", b.String())
}

func TestParseSellers(t *testing.T) {
	f := func(body string, sellers, bad int, wantErr bool) {
		t.Helper()
		sum, err := ParseSellers(strings.NewReader(body), func(*Seller) error { return nil })
		if sum.Sellers != sellers || sum.Bad != bad || (err != nil) != wantErr {
			t.Errorf("%.200s: got %d sellers, %d bad, %v; want %d, %d, error %v", body, sum.Sellers, sum.Bad, err, sellers, bad, wantErr)
		}
	}
	f(`{"sellers":[]}`, 0, 0, false)
	f(`{"version":1.0,"sellers":[{"seller_id":"1"},{"seller_id":""},null,7,[],{"seller_id":"2","x":{"y":[1]}}]}`, 2, 4, false)
	f(`{"Sellers":[{"SELLER_ID":"1"}]}`, 1, 0, false)
	f(`{"sellers":[{"seller_id":"1"}]} trailing`, 1, 0, false)
	f(`{"sellers":[{"seller_id":"1"}]`, 1, 0, true)
	f(`{"sellers":[{"seller_id":"1"},{"sell`, 1, 0, true)
	f(`{"sellers":{"seller_id":"1"}}`, 0, 0, true)
	f(`{"version":"1.0"}`, 0, 0, true)
	f(`[]`, 0, 0, true)
	f(`<html>`, 0, 0, true)
	f(``, 0, 0, true)
	long := strings.Repeat("x", 2*maxValue)
	f(`{"ext":"`+long+`","sellers":[]}`, 0, 0, true)
	f(`{"sellers":[{"seller_id":"1"},{"name":"`+long+`"}]}`, 1, 0, true)
	f(`{"ext":[`+strings.Repeat(`"1234567",`, maxValue/4)+`0],"sellers":[`+strings.Repeat(`{"seller_id":"1"},`, maxValue/8)+`{}]}`, maxValue/8, 1, false)
	f(strings.Repeat("[", 1<<20), 0, 0, true)
	f(`{"ext":`+strings.Repeat("[", 1<<20), 0, 0, true)
	stop := errors.New("stop")
	if _, err := ParseSellers(strings.NewReader(`{"sellers":[{"seller_id":1}]}`), func(*Seller) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v; want the caller's error", err)
	}
}

// FuzzParseSellers: no panic; ids are in their bounds; and what encoding/json
// reads whole has the same ids.
func FuzzParseSellers(f *testing.F) {
	f.Add(testFile(f, "exchange.sellers.json"))
	f.Add([]byte(`{"sellers":[{"seller_id":1e2,"is_confidential":1}],"sellers":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got []string
		sum, err := ParseSellers(strings.NewReader(string(body)), func(s *Seller) error {
			if s.ID == "" || len(s.ID) > maxAccount {
				t.Fatalf("%q: got id %q", body, s.ID)
			}
			got = append(got, s.ID)
			return nil
		})
		if err != nil {
			return
		}
		if sum.Sellers != len(got) {
			t.Fatalf("%q: got %d calls; want %d", body, len(got), sum.Sellers)
		}
		var whole struct {
			Sellers []struct {
				ID string `json:"seller_id"`
			} `json:"sellers"`
		}
		if strings.Count(strings.ToLower(string(body)), "sellers") != 1 || strings.Contains(string(body), `\u`) || json.Unmarshal(body, &whole) != nil {
			return
		}
		var want []string
		for _, s := range whole.Sellers {
			if id := trim(s.ID); id != "" && len(id) <= maxAccount {
				want = append(want, id)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q: got %q; want %q", body, got, want)
		}
	})
}
