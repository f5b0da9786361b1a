package attribution

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
)

// Bounds of an upload.
const (
	maxUploadRows   = 10_000
	maxUploadBytes  = 4 << 20
	maxUploadFaults = 100 // told at once
)

type uploadInput struct {
	AdvertiserID int64 `query:"advertiser_id" minimum:"0" doc:"Whose the orders are; absent: the advertiser whose key it is"`
	ValidateOnly bool  `query:"validate_only" doc:"Check, and take nothing in"`
	RawBody      []byte
}

type uploadOutput struct {
	Body struct {
		Accepted int `json:"accepted" doc:"Rows taken in; with validate_only, that would be"`
	}
}

// uploadColumns set a field of a row from its text.
var uploadColumns = map[string]func(*conversionInput, string){
	"order_id":  func(in *conversionInput, s string) { in.OrderID = s },
	"value":     func(in *conversionInput, s string) { in.Value = decimalText(s) },
	"currency":  func(in *conversionInput, s string) { in.Currency = s },
	"time":      func(in *conversionInput, s string) { in.Time = s },
	"type":      func(in *conversionInput, s string) { in.Type = s },
	"click_id":  func(in *conversionInput, s string) { in.ClickID = s },
	"exchange":  func(in *conversionInput, s string) { in.Exchange = s },
	"buyeruid":  func(in *conversionInput, s string) { in.BuyerUID = s },
	"ifa":       func(in *conversionInput, s string) { in.IFA = s },
	"refund_id": func(in *conversionInput, s string) { in.RefundID, in.Refund = s, s != "" },
}

func uploadColumnNames() []string {
	var names []string
	for name := range uploadColumns {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (h *handlers) registerUpload(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "upload-conversions", Method: http.MethodPost, Path: "/v1/conversions/upload", Tags: []string{"conversions"},
		Summary: "Upload orders of a shop, a till or a call centre as CSV",
		Description: "RFC 4180 with a header of " + strings.Join(uploadColumnNames(), ", ") + "; order_id must be there. All rows are taken in, or none: " +
			"what is wrong is told by line and column. A row with a refund_id takes its order back. Uploading again is safe: an order counts once.",
		MaxBodyBytes: maxUploadBytes, RejectUnknownQueryParameters: true,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}}},
		Errors:      []int{http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.upload)
}

func (h *handlers) upload(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	c := conversionReader{handlers: h, catalog: h.catalog(), principal: p, now: h.now().UTC()}
	records, err := c.readCSV(in.RawBody, campaigns.ID(in.AdvertiserID))
	if err != nil {
		return nil, err
	}
	out := &uploadOutput{}
	out.Body.Accepted = len(records)
	if in.ValidateOnly {
		return out, nil
	}
	msgs := make([]eventlog.Message, len(records))
	for i, r := range records {
		msgs[i] = r.message()
	}
	if err := h.Service.deps.Log.Append(ctx, msgs...); err != nil {
		h.Service.deps.Failed(fmt.Errorf("append conversions: %w", err))
		return nil, huma.Error503ServiceUnavailable("the orders could not be made durable; upload them again: each counts once")
	}
	return out, nil
}

// readCSV returns the records of all rows, or an error that names line and column of
// what is wrong, up to maxUploadFaults.
func (c *conversionReader) readCSV(body []byte, advertiser campaigns.ID) ([]*conversionRecord, error) {
	var f faults
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))))
	header, err := r.Read()
	if err != nil {
		f.add("body.line[1]", "", "want a header line: "+csvCause(err))
		return nil, f.err()
	}
	header = slices.Clone(header)
	for i, name := range header {
		header[i] = strings.ToLower(strings.TrimSpace(name))
		if uploadColumns[header[i]] == nil || slices.Contains(header[:i], header[i]) {
			f.add(fmt.Sprintf("body.line[1].column[%d]", i+1), clip(name), "want one each of "+strings.Join(uploadColumnNames(), ", "))
		}
	}
	if !slices.Contains(header, "order_id") {
		f.add("body.line[1]", clip(strings.Join(header, ",")), "want the column order_id")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	var records []*conversionRecord
	for len(f) < maxUploadFaults {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			f.add("body", "", csvCause(err)) // names line and column itself
			break
		}
		line, _ := r.FieldPos(0)
		if len(records) == maxUploadRows {
			f.add(fmt.Sprintf("body.line[%d]", line), maxUploadRows+1, fmt.Sprintf("want at most %d rows", maxUploadRows))
			break
		}
		in := conversionInput{AdvertiserID: advertiser}
		for i, text := range row {
			uploadColumns[header[i]](&in, strings.TrimSpace(text))
		}
		rec, v := c.record(&in, "offline")
		if v != nil {
			f.add(cellOf(line, header, v.Field), v.Value, v.Rule)
		}
		records = append(records, rec)
	}
	if len(f) == 0 && len(records) == 0 {
		f.add("body.line[2]", "", "want at least one row")
	}
	return records, f.err()
}

// cellOf names a field's line and column; a field without a column is the line's.
func cellOf(line int, header []string, field string) string {
	if i := slices.Index(header, field); i >= 0 {
		return fmt.Sprintf("body.line[%d].column[%d].%s", line, i+1, field)
	}
	return fmt.Sprintf("body.line[%d].%s", line, field)
}

func csvCause(err error) string {
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Sprintf("line %d, column %d: %v", p.Line, p.Column, p.Err)
	}
	if errors.Is(err, io.EOF) {
		return "the file is empty"
	}
	return err.Error()
}
