package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bidhawk/internal/sqldb"
)

func TestDatabases(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "url")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const url = "postgres://u:s3cr3t@db.example/bidhawk"
	f := func(given Secret, path string, want sqldb.Source, wantErr string) {
		t.Helper()
		c := Default()
		c.DataDir = "/d"
		c.Campaigns.Database, c.Campaigns.DatabaseFile = given, path
		got, err := c.CampaignsDatabase()
		switch {
		case wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr) || strings.Contains(err.Error(), "s3cr3t")):
			t.Errorf("got %v; want %q, without the password", err, wantErr)
		case wantErr == "" && (err != nil || got != want):
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
	f("", "", sqldb.Source{File: "/d/campaigns.db"}, "")
	f(url, "", sqldb.Source{URL: url}, "")
	f("", file(url+"\n"), sqldb.Source{URL: url}, "")
	f(url, file(url), sqldb.Source{}, "setting campaigns.database_file")
	f("", file("\n"), sqldb.Source{}, "a file that holds a URL")
	f("", "/no/such/file", sqldb.Source{}, "a file that can be read")
	f("mysql://u:s3cr3t@db/x", "", sqldb.Source{}, "setting campaigns.database: got (not shown)")
	f("", file("mysql://u:s3cr3t@db/x"), sqldb.Source{}, "setting campaigns.database_file: got (not shown)")
	f("s3cr3t", "", sqldb.Source{}, "setting campaigns.database: got (not shown)")
}

// Nothing that lists settings or refuses one shows a password.
func TestSecretsAreNotShown(t *testing.T) {
	c, err := Load(writeFile(t, sample), []string{"BIDHAWK_CAMPAIGNS_DATABASE=postgres://u:s3cr3t@db/x", "BIDHAWK_REPORTS_DATABASE=postgres://u:s3cr3t@db/x"})
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, s := range c.Settings() {
		if strings.Contains(s[1], "s3cr3t") {
			t.Errorf("%s shows %s", s[0], s[1])
		}
		if s[1] == "(not shown)" {
			shown++
		}
	}
	if shown != 2 {
		t.Errorf("%d settings are not shown; want 2", shown)
	}
	for _, v := range []string{"BIDHAWK_CAMPAIGNS_DATABASE=http://u:s3cr3t@db/x", "BIDHAWK_REPORTS_DATABASE=postgres://u:s3cr3t@db"} {
		if _, err := Load(writeFile(t, sample), []string{v}); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("got %v; want an error without the password", err)
		}
	}
	path := writeFile(t, "campaigns: {database: [s3cr3t]}\n")
	if _, err := Load(path, nil); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("got %v; want an error without the password", err)
	}
}
