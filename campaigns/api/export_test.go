package api

// LocalPath is localPath, for tests.
func LocalPath(s string) string { return localPath(s) }
