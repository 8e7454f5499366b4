//go:build tools

// Package tools names the versions of Helm that the chart is made and tried with, so that go.mod and go.sum pin them.
package tools

import (
	_ "helm.sh/helm/v3/cmd/helm"
	_ "helm.sh/helm/v4/cmd/helm"
)
