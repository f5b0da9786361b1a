package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"time"

	"bidhawk/cmd/node"
)

type audienceCommand struct {
	Import audienceImport `cmd:"" help:"Give the users of a list a tag, through a running node."`
}

// audienceImport sends a file to the API of a running node, in parts.
type audienceImport struct {
	configFlag
	File       string        `arg:"" help:"CSV or plain text, one identifier a line, in the first column." type:"existingfile"`
	Tag        string        `help:"Path of the taxonomy, such as auto/suv, or list/NAME." required:""`
	Advertiser int64         `help:"Owner of the tag: an advertiser's id." required:""`
	IDType     string        `help:"What the identifiers are: ifa, buyeruid:EXCHANGE, eid:SOURCE or list:TYPE." required:""`
	Expires    time.Duration `help:"How long the users keep the tag, such as 720h; 0: for good."`
	Name       string        `help:"Name of the import: the same file under the same name changes nothing. Default: the tag and the time."`
}

func (c *audienceImport) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	now := node.Clock().UTC()
	q := url.Values{
		"advertiser": {strconv.FormatInt(c.Advertiser, 10)}, "tag": {c.Tag}, "id_type": {c.IDType}, "at": {now.Format(time.RFC3339Nano)},
	}
	if c.Expires > 0 {
		q.Set("expires", now.Add(c.Expires).Format(time.RFC3339Nano))
	}
	if q.Set("import", c.Name); c.Name == "" {
		q.Set("import", fmt.Sprintf("%.40s %s", c.Tag, now.Format("20060102T150405Z")))
	}
	total, err := sendParts(ctx, api, "/v1/audience-imports?"+q.Encode(), f)
	if err != nil && total.Read == 0 {
		return fmt.Errorf("nothing was imported: %w", err)
	}
	fmt.Printf("%d rows read, %d accepted\n", total.Read, total.Accepted)
	for rule, n := range total.Refused {
		fmt.Printf("  %d refused: %s\n", n, rule)
	}
	for _, r := range total.First {
		fmt.Printf("  %s:%d: %s: %s\n", c.File, r.Line, r.Field, r.Rule)
	}
	if err != nil {
		return fmt.Errorf("the import stopped; run it again with --name %q to go on: %w", q.Get("import"), err)
	}
	return nil
}

// sendParts posts r in parts of whole lines, and adds up their reports.
func sendParts(ctx context.Context, api *client, path string, r io.Reader) (total node.ImportReport, err error) {
	total.Refused = make(map[string]int64)
	in := bufio.NewReaderSize(r, 1<<20)
	for lines := int64(0); ; {
		part, n, end, err := nextPart(in)
		if err != nil {
			return total, err
		}
		if len(part) > 0 {
			var got node.ImportReport
			if err := api.do(ctx, "POST", path, bytes.NewReader(part), &got); err != nil {
				return total, err
			}
			total.Read += got.Read
			total.Accepted += got.Accepted
			for rule, k := range got.Refused {
				total.Refused[rule] += k
			}
			for _, row := range got.First {
				row.Line += lines
				total.First = append(total.First, row)
			}
			total.First = total.First[:min(len(total.First), 100)]
		}
		if end {
			return total, nil
		}
		lines += n
	}
}

// nextPart reads whole lines up to half of what the API takes at once.
func nextPart(in *bufio.Reader) (part []byte, lines int64, end bool, err error) {
	for len(part) < node.MaxImportBytes/2 {
		line, err := in.ReadBytes('\n')
		part = append(part, line...)
		if errors.Is(err, io.EOF) {
			return part, lines, true, nil
		}
		if err != nil {
			return nil, 0, false, err
		}
		if lines++; len(line) > node.MaxImportBytes/2 {
			return nil, 0, false, fmt.Errorf("line of %d bytes; want one identifier a line", len(line))
		}
	}
	return part, lines, false, nil
}
