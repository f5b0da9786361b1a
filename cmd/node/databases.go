package node

import (
	"os"
	"strings"

	"bidhawk/internal/sqldb"
)

// Secret is a setting that is not shown. It is given in a file, of the configuration
// or of its own, or in the environment; no flag has it.
type Secret string

// shown stands for a secret in lists of settings and in errors.
func (s Secret) shown() string {
	if s == "" {
		return `""`
	}
	return "(not shown)"
}

// CampaignsDatabase is where the advertisers' world is kept.
func (c Config) CampaignsDatabase() (sqldb.Source, error) {
	return c.database("campaigns", c.Campaigns.Database, c.Campaigns.DatabaseFile, "campaigns.db")
}

// ReportsDatabase is where reports are kept.
func (c Config) ReportsDatabase() (sqldb.Source, error) {
	return c.database("reports", c.Reports.Database, c.Reports.DatabaseFile, "reports.db")
}

// database reads the two settings of a section; own is the SQLite file where neither is given.
func (c Config) database(section string, given Secret, path, own string) (sqldb.Source, error) {
	setting, source := section+".database", sqldb.Source{URL: strings.TrimSpace(string(given))}
	if path != "" {
		if source.URL != "" {
			return source, wrong(section+".database_file", path, "nothing beside "+setting+": one of the two")
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return source, wrong(section+".database_file", path, "a file that can be read: "+err.Error())
		}
		setting, source.URL = section+".database_file", strings.TrimSpace(string(b))
		if source.URL == "" {
			return source, wrong(setting, path, "a file that holds a URL, such as postgres://user:password@host:port/database")
		}
	}
	if source.URL == "" {
		return sqldb.Source{File: c.path(own)}, nil
	}
	if err := source.Validate(); err != nil {
		return source, wrong(setting, Secret(source.URL), "empty for SQLite, or a Postgres: "+err.Error())
	}
	return source, nil
}

// checkDatabases checks the URLs' form; files are read when the database is opened.
func (c *Config) checkDatabases() error {
	if _, err := c.database("campaigns", c.Campaigns.Database, "", ""); err != nil {
		return err
	}
	_, err := c.database("reports", c.Reports.Database, "", "")
	return err
}
