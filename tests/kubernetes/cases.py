"""The table: some good and many bad provider files, and directories of them."""

import json
from dataclasses import replace

from tests.kubernetes.provider_files import (
    BASE,
    ENTRY,
    HEAD,
    JSON,
    NEVER,
    PROGRAMS,
    SECOND,
    STRICT,
    alike,
    bad,
    base,
    directory,
    good,
    image,
    keys,
    tokens,
)

PROVIDER_V1 = "credentialprovider.kubelet.k8s.io/v1"
CONFIG_V1 = "kubelet.config.k8s.io/v1"
IMAGES_OF_BASE = '\n      - "*.example.com"'
ENTRY_OF = "  - {{name: {}, apiVersion: " + PROVIDER_V1 + ", matchImages: [a.io], defaultCacheDuration: {}}}\n"
TWO = base(f"apiVersion: {PROVIDER_V1}", f"apiVersion: &v {PROVIDER_V1}") + SECOND.replace(PROVIDER_V1, "*v")

FORM = (
    good("least", BASE),
    good("v1beta1", BASE.replace("io/v1", "io/v1beta1")),
    good("v1alpha1", BASE.replace("io/v1", "io/v1alpha1")),
    good("v1 of the provider in v1beta1", base(CONFIG_V1, f"{CONFIG_V1}beta1")),
    good("json", JSON),
    good("json indented with tabs", JSON.replace("  ", "\t")),
    good("document marks", f"---\n{BASE}...\n"),
    good("a second document that is nothing", f"{BASE}---\nproviders: 3\n"),
    good("byte order mark", f"\ufeff{BASE}"),
    good("carriage returns", BASE.replace("\n", "\r\n")),
    good("no line feed at the end", BASE.rstrip("\n")),
    good("lists that are not indented", BASE.replace("\n  ", "\n").replace("\n    -", "\n  -")),
    good("flow style", base(IMAGES_OF_BASE, ' ["*.example.com", a.io:5000/team]')),
    good("anchors", TWO),
    good("merge key", base("    default", "    <<: {args: [x]}\n    default")),
    good("comments and block text", BASE + "    # args\n    args: # of it\n      - |\n        one\n        two\n"),
    good("null where nothing need be", BASE + "    args: null\n    env: ~\n"),
    good("environment", BASE + "    env:\n      - {name: A, value: 'http://a:3128'}\n      - name: EMPTY\n"),
    good("quoted yes", BASE + "    args: ['yes', \"1\", 2001-01-01, 1.2.3, 0x]\n"),
    good("tab behind a value", base("12h", "12h\t")),
    bad("empty", b""),
    bad("only comments", "# nothing\n"),
    bad("no yaml", "providers: [\n"),
    bad("a text", "providers"),
    bad("a list", f"- {ENTRY}\n"),
    bad("tab before a key", base("    default", "\tdefault")),
    bad("no utf-8", BASE.encode() + b"# \xff\n"),
    bad("control character", BASE + "# \x01\n"),
    bad("json with a comma too much", JSON.replace('"12h0m0s",', '"12h0m0s",,')),
    bad("flow style that begins like json", f"{{apiVersion: {CONFIG_V1}, kind: X, providers: [{ENTRY}]}}"),
    bad("json with something behind", JSON + "\n---\n"),
    bad("unknown anchor", base("12h", "*later")),
    bad("question mark between brackets", base(IMAGES_OF_BASE, " [a.io?]")),
    bad("colon before a bracket", HEAD + f"  - {{name: a, apiVersion: {PROVIDER_V1}, matchImages:[a.io], x: y}}\n"),
    bad("unknown directive", BASE + "%FOO\n"),
    bad("byte order mark within", base("    default", "\ufeff    default")),
)
FILE_FIELDS = (
    bad("no kind", base("kind: CredentialProviderConfig\n", "")),
    bad("another kind", base("CredentialProviderConfig", "KubeletConfiguration")),
    bad("another group", base(CONFIG_V1, "kubelet.config.example.com/v1")),
    bad("the provider's group", base(CONFIG_V1, PROVIDER_V1)),
    bad("v2", base(CONFIG_V1, "kubelet.config.k8s.io/v2")),
    bad("no apiVersion", base(f"apiVersion: {CONFIG_V1}\n", "")),
    bad("unknown field", BASE + "metadata: {name: x}\n", STRICT),
    bad("unknown field of a provider", BASE + "    description: our registry\n", STRICT),
    bad("field in other letter case", BASE + "    Args: [x]\n", STRICT),
    bad("field twice", BASE + "    defaultCacheDuration: 1h\n", STRICT),
    bad("field twice by a merge key", BASE + "    <<: {name: c}\n", STRICT),
    bad("needed field in other letter case", base("matchImages", "matchimages")),
    bad("no providers", HEAD + "  []\n"),
    bad("providers null", HEAD),
    bad("providers a mapping", base("  - name: a", "    name: a")),
    bad("a provider null", BASE + "  -\n"),
    bad("a provider a text", BASE + "  - b\n"),
    bad("same name twice", BASE + BASE.removeprefix(HEAD)),
)
PROVIDER_FIELDS = (
    *(
        alike(f"name {text!r}", base("name: a", f"name: {text}"))
        for text in ("bin/a", "a b", ".", "..", "1", "n", "nothing", "folder", "data", "")
    ),
    bad("no apiVersion of the provider", base(f"    apiVersion: {PROVIDER_V1}\n", "")),
    bad("v2 of the provider", base(PROVIDER_V1, "credentialprovider.kubelet.k8s.io/v2")),
    bad("no matchImages", base(f"    matchImages:{IMAGES_OF_BASE}\n", "")),
    bad("matchImages empty", base(IMAGES_OF_BASE, " []")),
    bad("matchImages a text", base(IMAGES_OF_BASE, " a.io")),
    bad("matchImages a number", base('"*.example.com"', "1.5")),
    bad("no defaultCacheDuration", base("    defaultCacheDuration: 12h\n", "")),
    *(
        alike(f"duration {text}", base("12h", text))
        for text in ("-1s", "12", "1d", "1 h", "9999999h", "yes", ".", "''")
    ),
    good("durations", HEAD + "".join(map(ENTRY_OF.format, PROGRAMS, ("1h2m.5s", '"0"', "-0s", "2540400h", "1us")))),
    bad("args a text", BASE + "    args: --verbose\n"),
    bad("args with a boolean", BASE + "    args: [on]\n"),
    bad("args with a number", BASE + "    args: [0x1F]\n"),
    bad("env a mapping", BASE + "    env: {A: b}\n"),
    bad("env with a number", BASE + "    env: [{name: A, value: 1_000}]\n"),
)
GOOD_IMAGES = (
    *("a.io", "https://a.io", "*.*.a.io:5000/team", "a_b.io", "a?.io", "a.io/%41", "a.io/b c", "", "ä.io"),
    *("user@a.io", "[::1]:5000", "a.io:", "a.io#x y", "%25.io", "a..io", "a.io?%zz", "<a>.io", "a'b.io"),
)
BAD_IMAGES = (
    *(
        "a b.io",
        "a.io:port",
        "%zz",
        "%41.io",
        "a.io/%",
        "a.io#%z",
        "a.io\n",
        "{a.io",
        "a}.io",
        "a|b.io",
        "a^.io",
        "a`.io",
    ),
    *("a\\.io", "us er@a.io", "[::1]x", "[a.io", "\x7f.io"),
)
IMAGES = (
    good("images", base('"*.example.com"', "\n      - ".join(map(json.dumps, GOOD_IMAGES)))),
    *(alike(f"image {text!r}", image(text)) for text in BAD_IMAGES),
)
TOKEN_ATTRIBUTES = (
    # Kubelets before 1.32 leave them out without a word.
    bad("tokens", tokens(), ("1.32", "1.34")),
    bad("tokens in v1beta1", tokens().replace(CONFIG_V1, f"{CONFIG_V1}beta1"), STRICT),
    bad("tokens for v1beta1", tokens().replace(PROVIDER_V1, f"{PROVIDER_V1}beta1"), STRICT),
    bad("tokens without audience", tokens("registry", '""'), STRICT),
    bad("tokens without requireServiceAccount", tokens("      requireServiceAccount: true\n"), STRICT),
    bad("tokens without cacheType", tokens("      cacheType: Token\n"), STRICT),
    bad("tokens with another cacheType", tokens("cacheType: Token", "cacheType: Pod"), STRICT),
    bad("tokens with text for a boolean", tokens("true", '"true"'), STRICT),
    bad("tokens with keys", keys("[example.com/role, Team]", "[example.com/other]"), ("1.32", "1.34")),
    bad("tokens with a key twice", keys("[a, a]", "[]"), STRICT),
    bad("tokens with a key in both", keys("[a]", "[a]"), STRICT),
    bad("tokens with no key", keys("[a/b/c]", "[]"), STRICT),
    bad("tokens with an empty key", keys("['']", "[]"), STRICT),
    bad("tokens with a key of a wrong domain", keys("[a_b/c]", "[]"), STRICT),
    bad("tokens with a long key", keys(f"[{'a' * 64}]", "[]"), STRICT),
    bad("tokens with keys and no account", keys("[a]", "[]").replace("true", "false"), STRICT),
)
DIRECTORIES = (
    directory("directory", {"10-a.yaml": BASE, "20-b.yml": HEAD + SECOND, "30.json": JSON}, starts=True),
    directory("directory with others", {"a.yaml": BASE, "README": "x", "b.yaml.new": "x", "c.YAML": "x"}, starts=True),
    directory("directory with a hidden file", {"a.yaml": BASE, ".b.yaml": "x"}, starts=False),
    directory("directory with a file that is an ending", {"a.yaml": BASE, ".yaml": "x"}, starts=False),
    directory("directory with an empty list", {"a.yaml": BASE, "b.yaml": HEAD + "  []\n"}, starts=True),
    directory("directory with the same name twice", {"a.yaml": BASE, "b.yaml": BASE}, starts=False),
    directory("directory with a bad neighbour", {"a.yaml": BASE, "b.yaml": "x"}, starts=False),
    directory("directory without provider files", {"README": "x"}, starts=False),
    directory("directory with empty lists alone", {"a.yaml": HEAD + "  []\n"}, starts=False),
)
MANY = "x: &x [" + "a, " * 1000 + "]\ny: [" + "*x, " * 25 + "]\n"
GATE = "--feature-gates=KubeletServiceAccountTokenForCredentialProviders=true"
STRICTER_CASES = (
    good("size", BASE + "#" * (256 << 10), "size"),
    good("utf-16", BASE.encode("utf-16"), "encoding"),
    good("wrong bytes in json", JSON.replace("*.dkr", "\xff.dkr").encode("latin-1"), "encoding"),
    bad("depth", BASE + "x: " + "[" * 51 + "]" * 51, STRICT, "depth"),
    bad("aliases", BASE + MANY, STRICT, "aliases"),
    good("directive", f"%YAML 1.1\n---\n{BASE}", "yaml"),
    good("byte order mark in a comment", BASE + "# \ufeff\n", "yaml"),
    good("tag", base("12h", "!!str 12h"), "tag"),
    bad("keys", BASE + "x: {1: a, '1': b}\n", STRICT, "keys"),
    bad("json keys", JSON.replace("{", '{"kind": "CredentialProviderConfig",', 1), STRICT, "json keys"),
    bad("case", base("kind:", "Kind:"), STRICT, "case"),
    good("zone of an address", image("[fe80::1%25eth0]:5000"), "host"),
    # By the go directive of its own go.mod, which the tests' has too.
    bad("two colons", image("a.io:b:5000"), ("1.37", NEVER), "host"),
    replace(good("gate", tokens("      cacheType: Token\n"), "gate"), options=(GATE,), only="1.33"),
)
CASES = (
    *FORM, *FILE_FIELDS, *PROVIDER_FIELDS, *IMAGES, *TOKEN_ATTRIBUTES, *DIRECTORIES, *STRICTER_CASES,
)  # fmt: skip
assert len({case.name for case in CASES}) == len(CASES)
