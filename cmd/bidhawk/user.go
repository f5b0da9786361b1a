package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"bidhawk/campaigns"
)

type userCommand struct {
	Add userAdd `cmd:"" help:"Make a user, through a running node. The password is read from standard input."`
}

// userAdd makes a user; the first operator of an installation too, with the key
// that the server wrote at its first start.
type userAdd struct {
	configFlag
	Email      string `arg:"" help:"E-mail address, which the user signs in with."`
	Name       string `help:"Name, for people. Default: the address."`
	Role       string `help:"operator, agency, advertiser or viewer." default:"operator" enum:"operator,agency,advertiser,viewer"`
	Agency     int64  `help:"Of the roles agency and viewer: the agency's id."`
	Advertiser int64  `help:"Of the roles advertiser and viewer: the advertiser's id."`
	NoPassword bool   `help:"The user signs in at the OpenID provider."`
}

func (c *userAdd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	password := ""
	if !c.NoPassword {
		fmt.Fprint(os.Stderr, "Password (12 to 72 bytes): ")
		if password, err = readLine(os.Stdin); err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
	}
	if c.Name == "" {
		c.Name = c.Email
	}
	body, err := json.Marshal(map[string]any{"email": c.Email, "name": c.Name, "role": c.Role,
		"agency_id": c.Agency, "advertiser_id": c.Advertiser, "password": password})
	if err != nil {
		return err
	}
	var u campaigns.User
	if err := api.do(ctx, http.MethodPost, "/v1/users", bytes.NewReader(body), &u); err != nil {
		return err
	}
	fmt.Printf("user %d: %s, %s\n", u.ID, u.Email, u.Role)
	return nil
}

func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(r).ReadString('\n')
	if errors.Is(err, io.EOF) && line != "" {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}
