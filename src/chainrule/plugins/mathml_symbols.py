"""TeX's names of symbols, and the characters that browsers set for them."""

from __future__ import annotations


def _table(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


LETTERS = _table("""
    alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ lambda λ mu μ
    nu ν xi ξ pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω
    Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω
    ell ℓ infty ∞ partial ∂ nabla ∇ hbar ℏ Re ℜ Im ℑ emptyset ∅ varnothing ∅ top ⊤ bot ⊥ square □ Box □ blacksquare ■
    qed □ dots … ldots … cdots ⋯ vdots ⋮ ddots ⋱ prime ′ imath ı jmath ȷ aleph ℵ checkmark ✓ bullet •
""")

OPERATORS = _table("""
    cdot ⋅ times × div ÷ pm ± mp ∓ ast ∗ star ⋆ circ ∘ odot ⊙ otimes ⊗ oplus ⊕ ominus ⊖
    le ≤ leq ≤ leqslant ≤ ge ≥ geq ≥ geqslant ≥ ne ≠ neq ≠ ll ≪ gg ≫ approx ≈ equiv ≡ sim ∼ simeq ≃ cong ≅ propto ∝
    prec ≺ succ ≻ preceq ⪯ succeq ⪰ perp ⊥ parallel ∥ mid ∣ coloneqq ≔ triangleq ≜
    in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇ cup ∪ cap ∩ setminus ∖ forall ∀ exists ∃ nexists ∄
    to → rightarrow → leftarrow ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ iff ⟺ implies ⟹
    mapsto ↦ longrightarrow ⟶ longmapsto ⟼ uparrow ↑ downarrow ↓ gets ←
    land ∧ wedge ∧ lor ∨ vee ∨ lnot ¬ neg ¬ colon : sum ∑ prod ∏ int ∫ oint ∮ bigcup ⋃ bigcap ⋂ bigoplus ⨁
""")

FENCES = _table("""
    { { } } | ‖ lbrace { rbrace } lbrack [ rbrack ] langle ⟨ rangle ⟩ vert | Vert ‖ lvert | rvert | lVert ‖ rVert ‖
    lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ backslash \\
""")

PLAIN = {"-": "−", "*": "∗", "(": "(", ")": ")", "[": "[", "]": "]", "|": "|", "/": "/"}
"""Characters that are typed as they are, but set otherwise or never stretched."""

_NAMES = """
    log ln lg exp sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan min max sup inf lim limsup liminf det
    dim ker rank tr arg argmin argmax deg gcd Pr diag sign sgn softmax
"""
FUNCTIONS = {name: name for name in _NAMES.split()}

LIMITS = ("∑", "∏", "⋃", "⋂", "⨁", "min", "max", "sup", "inf", "lim", "limsup", "liminf", "argmin", "argmax", "arg min")
"""Bases whose scripts stand above and below in a formula on a line of its own."""

SPACES = {",": "0.17", ":": "0.22", ">": "0.22", ";": "0.28", "!": "-0.17", " ": "0.3", "quad": "1", "qquad": "2"}

ALPHABETS = {
    "mathbb": "DOUBLE-STRUCK",
    "mathcal": "SCRIPT",
    "mathscr": "SCRIPT",
    "mathfrak": "FRAKTUR",
    "mathbf": "BOLD",
    "boldsymbol": "BOLD",
    "bm": "BOLD",
    "mathsf": "SANS-SERIF",
}

ACCENTS = {
    "hat": "^",
    "widehat": "^",
    "bar": "¯",
    "overline": "¯",
    "tilde": "~",
    "widetilde": "~",
    "vec": "→",
    "dot": "˙",
    "ddot": "¨",
    "underline": "_",
}
