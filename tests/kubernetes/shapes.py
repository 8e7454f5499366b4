"""Provider files as other people write them, by what is particular in each: kubelets start with all of them."""

import json

from provider.node.provider_file.values import read

EKS = """\
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: ecr-credential-provider
    matchImages:
      - "*.dkr.ecr.*.amazonaws.com"
      - "*.dkr.ecr-fips.*.amazonaws.com"
    defaultCacheDuration: "12h"
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    args:
      - get-credentials
"""
GKE = """\
kind: CredentialProviderConfig
apiVersion: kubelet.config.k8s.io/v1
providers:
  - name: auth-provider-gcp
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    matchImages:
    - "container.cloud.google.com"
    - "gcr.io"
    - "*.gcr.io"
    - "*.pkg.dev"
    args:
    - get-credentials
    - --v=3
    defaultCacheDuration: 1m
"""
ACR = """\
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: "acr-credential-provider"
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  defaultCacheDuration: 10m
  matchImages:
  - "*.azurecr.io"
  - "*.azurecr.cn"
  args:
  - /etc/kubernetes/azure.json # written by the node's agent
"""
BLOCK = {
    "eks": EKS,
    "gke": GKE,
    "acr": ACR,
    "four spaces": EKS.replace("  ", "    ").replace("- n", "-   n"),
    "wide dashes": EKS.replace("- name", "-   name").replace("\n    ", "\n      "),
    "comments between": EKS.replace("    args", "    # what to do\n\n    args") + "  # the last one\n\n# end\n",
    "comment of the last entry": EKS + "    # env:\n    #   - name: A\n\n      # more\n# the end\n",
    "no line feed": EKS.rstrip("\n"),
    "no line feed behind a comment": EKS + "    # env:",
    "blank lines at the end": EKS + "\n\n",
    "carriage returns": ACR.replace("\n", "\r\n"),
    "carriage returns without the last": ACR.replace("\n", "\r\n").rstrip(),
    "byte order mark": "\ufeff" + EKS,
    "document marks": f"---\n{EKS}...\n",
    "a second document": f"---\n{EKS}---\nother: 1\n",
    "providers first": "providers:\n" + EKS.partition("providers:\n")[2] + EKS.partition("providers:\n")[0],
    "anchors": EKS.replace("apiVersion: cred", "apiVersion: &v cred")
    + "  - {name: b, apiVersion: *v, matchImages: [b.io], defaultCacheDuration: 0s}\n",
    "an anchor on the list": EKS.replace("providers:", "providers: &all"),
    "dash alone": EKS.replace("  - name", "  -\n    # it\n    name"),
    "dash with a comment": EKS.replace("  - name", "  - # it\n    name"),
    "block text at the end": EKS + "      - |\n        one\n\n        two\n",
    "block text kept at the end": EKS + "      - |+\n        one\n\n\n",
    "folded text at the end": EKS + "      - >-\n        one\n        two",
    "text over lines at the end": EKS + "      - 'one\n\n        two'\n",
    "null at the end": EKS + "    env:\n",
    "null at the end with a comment": EKS + "    env: # none\n",
    "flow style at the end": EKS + "    env: [{name: A,\n           value: b}]\n",
    "quoted keys": EKS.replace("providers:", '"providers":').replace("name:", "'name':"),
    "question marks": EKS.replace("providers:", "? providers\n:"),
    "two providers": EKS + ACR[ACR.index("- name") :].replace("\n  ", "\n    ").replace("- name", "  - name", 1),
}  # fmt: skip
JSON = json.dumps(read(EKS.encode()).value, indent=2)
FLOW = {
    "json": JSON + "\n",
    "json with tabs": json.dumps(read(EKS.encode()).value, indent="\t"),
    "json in one line": json.dumps(read(EKS.encode()).value),
    "json without spaces": json.dumps(read(EKS.encode()).value, separators=(",", ":")),
    "json with carriage returns": JSON.replace("\n", "\r\n"),
    "json with escapes": JSON.replace("providers", "pro\\u0076iders"),
    "json with brackets in text": JSON.replace("get-credentials", "a]}\\\"[{"),
    "yaml": EKS.partition("  - ")[0].rstrip() + f" [{json.dumps(read(EKS.encode()).value['providers'][0])}]\n",
    "yaml over lines": EKS.partition("  - ")[0].rstrip()
    + " [\n  {name: a, apiVersion: credentialprovider.kubelet.k8s.io/v1, # it\n   matchImages: [a.io],\n"
    "   defaultCacheDuration: 0s}, # the last\n]\n",
    "json in yaml": f"---\n{JSON}\n",
}  # fmt: skip
SHAPES = BLOCK | FLOW
