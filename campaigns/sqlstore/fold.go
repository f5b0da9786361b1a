package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
)

// foldNames is a migration: it writes name_key as Go folds names. SQLite's lower
// knows ASCII alone.
func foldNames() *goose.Migration {
	return goose.NewGoMigration(3, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT kind, id, name_key FROM entities")
		if err != nil {
			return fmt.Errorf("read names: %w", err)
		}
		defer rows.Close()
		type row struct {
			kind string
			id   int64
			key  string
		}
		var wrong []row
		for rows.Next() {
			var r row
			if err := rows.Scan(&r.kind, &r.id, &r.key); err != nil {
				return fmt.Errorf("read names: %w", err)
			}
			if folded := strings.ToLower(r.key); folded != r.key {
				wrong = append(wrong, row{r.kind, r.id, folded})
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("read names: %w", err)
		}
		for _, r := range wrong {
			if _, err := tx.ExecContext(ctx, "UPDATE entities SET name_key = ? WHERE kind = ? AND id = ?", r.key, r.kind, r.id); err != nil {
				return fmt.Errorf("fold the name of %s %d: %w", r.kind, r.id, err)
			}
		}
		return nil
	}}, nil)
}
