//go:build tools

// Package tools names the Go programs that packaging and lint use, so that go.mod and go.sum pin them.
package tools

import (
	_ "github.com/goreleaser/nfpm/v2/cmd/nfpm"
	_ "github.com/rhysd/actionlint/cmd/actionlint"
)
