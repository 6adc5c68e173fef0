// made by `make front` from front/src; edit it there

// node_modules/preact/dist/preact.mjs
var n;
var t;
var r;
var u;
var i;
var f;
var o;
var e;
var l;
var c;
var a;
var s;
var h = /* @__PURE__ */ Symbol.for("pv");
var p = {};
var y = [];
var v = /^m(i|n|o|s|text|space)$/;
var w = Array.isArray;
var d = y.slice;
var _ = Object.assign;
function g(n2) {
  n2 && n2.parentNode && n2.remove();
}
function m(r3, u3, i3, f4, o4) {
  var e3 = { type: r3, props: u3, key: i3, ref: f4, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: h, __v: o4 || ++t, __i: -1, __u: 0 };
  return !o4 && n.vnode && n.vnode(e3), e3;
}
function $(n2) {
  return n2.children;
}
function x(n2, t3) {
  this.props = n2, this.context = t3, this.__g = 0;
}
function S(n2, t3) {
  if (null == t3) return n2.__ && S(n2.__, n2.__i + 1);
  for (var r3; t3 < n2.__k.length; t3++) if ((r3 = n2.__k[t3]) && r3.__e) return r3.__e;
  return "function" != typeof n2.type || n2.props.__P ? null : S(n2);
}
function C(t3) {
  var r3, u3 = t3.__v, i3 = u3.__e, f4 = [], o4 = [], e3 = t3.__P;
  e3 && ((r3 = _({ constructor: h }, u3)).__v = u3.__v + 1, n.vnode && n.vnode(r3), z(e3, r3, u3, t3.__n, e3.namespaceURI, 32 & u3.__u ? [i3] : null, f4, i3 || S(u3), 32 & u3.__u, o4), r3.__v = u3.__v, r3.__.__k[r3.__i] = r3, E(f4, r3, o4), u3.__ = u3.__e = null, r3.__e != i3 && j(r3));
}
function j(n2) {
  if ((n2 = n2.__) && n2.__c && !n2.props.__P) return n2.__e = null, n2.__k.some(function(t3) {
    return t3 && (n2.__e = t3.__e);
  }), j(n2);
}
function L(t3) {
  (8 & t3.__g || (t3.__g |= 8, u.push(t3), f++)) && i == n.debounceRendering || ((i = n.debounceRendering) || queueMicrotask)(H);
}
function H() {
  try {
    for (var n2, t3 = 1; u.length; ) u.length > t3 && u.sort(o), n2 = u.shift(), t3 = u.length, 8 & n2.__g && C(n2);
  } finally {
    (f = u.length) && (i || queueMicrotask)(H);
  }
}
function I(n2, t3, r3, u3, i3, f4, o4, e3, l3, c3, a4) {
  var s3, h3, v3, w3, d3, _3, g3 = u3.__k || y, k2 = t3.length;
  for (l3 = q(r3, t3, g3, l3, k2), s3 = 0; s3 < k2; s3++) null != (v3 = r3.__k[s3]) && (h3 = ~v3.__i && g3[v3.__i] || p, v3.__i = s3, _3 = z(n2, v3, h3, i3, f4, o4, e3, l3, c3, a4), w3 = v3.__e, (h3.ref != v3.ref || 8 & h3.__u) && (h3.ref && G(h3.ref, null, v3, h3), v3.ref && a4.push(v3.ref, v3.__c || w3, v3)), d3 = d3 || w3, 4 & v3.__u ? (l3 = A(v3, l3, n2, !h3.__v), h3.__e && (h3.__e = null)) : "function" == typeof v3.type && void 0 !== _3 ? l3 = _3 : w3 && (l3 = w3.nextSibling), v3.__u &= -21);
  return r3.__e = d3, l3;
}
function q(n2, t3, r3, u3, i3) {
  var f4, o4, e3, l3, c3, a4, s3, p3, y3, v3 = r3.length, d3 = v3, _3 = 0, g3 = 0, k2 = n2.__k = Array(i3);
  for (f4 = 0; f4 < i3; f4++) null != (o4 = t3[f4]) && "boolean" != typeof o4 && "function" != typeof o4 ? ("object" != typeof o4 || o4.constructor === String ? o4 = k2[f4] = m(null, o4) : w(o4) ? o4 = k2[f4] = m($, { children: o4 }) : o4.constructor === h && o4.__b ? o4 = k2[f4] = m(o4.type, o4.props, o4.key, o4.ref, o4.__v) : k2[f4] = o4, l3 = f4 + _3, o4.__ = n2, o4.__b = n2.__b + 1, e3 = null, ~(c3 = o4.__i = P(o4, r3, l3, d3)) && (d3--, (e3 = r3[c3]) && (e3.__u |= 2)), e3 && e3.__v ? (o4.__u |= 16, c3 == l3 - 1 ? _3-- : c3 == l3 + 1 ? _3++ : c3 != l3 && (c3 > l3 ? _3-- : _3++, g3 = 1)) : (~c3 || (i3 > v3 ? _3-- : i3 < v3 && _3++), "function" != typeof o4.type && (o4.__u |= 4))) : k2[f4] = null;
  if (g3) {
    for (a4 = [], s3 = [], f4 = 0; f4 < i3; f4++) if ((o4 = k2[f4]) && 16 & o4.__u) {
      for (_3 = 0, p3 = a4.length; _3 < p3; ) a4[y3 = _3 + p3 >> 1] < o4.__i ? _3 = y3 + 1 : p3 = y3;
      a4[_3] = o4.__i, s3[f4] = _3 + 1;
    }
    for (_3 = a4.length; f4--; ) s3[f4] && (s3[f4] == _3 ? _3-- : k2[f4].__u |= 4);
  }
  if (d3) for (f4 = 0; f4 < v3; f4++) !(e3 = r3[f4]) || 2 & e3.__u || (e3.__e == u3 && (u3 = S(e3)), J(e3, e3));
  return u3;
}
function A(n2, t3, r3, u3) {
  var i3, f4, o4, e3;
  if ("function" == typeof n2.type) {
    if (n2.props.__P) return t3;
    if (i3 = n2.__k) for (f4 = 0; f4 < i3.length; f4++) i3[f4] && (i3[f4].__ = n2, t3 = A(i3[f4], t3, r3, false));
    return t3;
  }
  for (t3 && !t3.parentNode && (t3 = S(n2)) && !t3.parentNode && (t3 = null), o4 = n2.__e, e3 = t3; e3 && 8 == e3.nodeType; ) e3 = e3.nextSibling;
  for (o4 != e3 && (!u3 && r3.moveBefore && o4.parentNode ? r3.moveBefore(o4, t3) : r3.insertBefore(o4, t3 || null)), t3 = o4; (t3 = t3 && t3.nextSibling) && 8 == t3.nodeType && !t3.data.startsWith("$s"); ) ;
  return t3;
}
function P(n2, t3, r3, u3) {
  var i3, f4 = n2.key, o4 = n2.type, e3 = t3[r3], l3 = e3 && !(2 & e3.__u);
  if (null === e3 && null == f4 || l3 && f4 == e3.key && o4 == e3.type) return r3;
  if (u3 > (l3 ? 1 : 0)) {
    for (i3 = r3 - 1; i3 >= 0; i3--) if ((e3 = t3[i3]) && !(2 & e3.__u) && f4 == e3.key && o4 == e3.type) return i3;
    for (i3 = r3 + 1; i3 < t3.length; i3++) if ((e3 = t3[i3]) && !(2 & e3.__u) && f4 == e3.key && o4 == e3.type) return i3;
  }
  return -1;
}
function T(n2, t3, r3) {
  null == r3 && (r3 = ""), "-" == t3[0] ? n2.setProperty(t3, r3) : n2[t3] = r3;
}
function N(n2, t3, r3, u3, i3) {
  var f4, o4;
  if ("style" == t3) if ("string" == typeof r3) n2.style.cssText = r3;
  else {
    if ("string" == typeof u3 && (n2.style.cssText = u3 = ""), u3) for (t3 in u3) r3 && t3 in r3 || T(n2.style, t3);
    if (r3) for (t3 in r3) u3 && r3[t3] == u3[t3] || T(n2.style, t3, r3[t3]);
  }
  else if ("o" == t3[0] && "n" == t3[1]) "function" != typeof r3 && (r3 = null), "function" != typeof u3 && (u3 = null), (n2.__e || (n2.__e = {}))[t3] = r3, r3 && u3 || (o4 = a[t3] || (a[t3] = V(t3)), (n2.__a || (n2.__a = {}))[t3] = c, f4 = t3 != (t3 = t3.replace(l, "$1")), (t3 = t3.slice(2))[0] < "a" && (t3 = t3.toLowerCase()), r3 ? n2.addEventListener(t3, o4, f4) : n2.removeEventListener(t3, o4, f4));
  else {
    if ("http://www.w3.org/2000/svg" == i3) t3 = t3.replace(/xlink(H|:h)/, "h").replace(/sName$/, "s");
    else if ("width" != t3 && "height" != t3 && "href" != t3 && "list" != t3 && "form" != t3 && "tabIndex" != t3 && "download" != t3 && "rowSpan" != t3 && "colSpan" != t3 && "role" != t3 && "popover" != t3 && t3 in n2) try {
      return void (n2[t3] = null == r3 ? "" : r3);
    } catch (n3) {
    }
    if ("function" == typeof r3) return;
    null == r3 || false === r3 && "-" != t3[4] ? n2.removeAttribute(t3) : n2.setAttribute(t3, "popover" == t3 && 1 == r3 ? "" : r3);
  }
}
function V(t3) {
  return function(r3) {
    var u3 = this.__e;
    if (u3) {
      if (u3 = u3[t3], null == r3[e]) r3[e] = c++;
      else if (r3[e] < this.__a[t3]) return;
      return u3(n.event ? n.event(r3) : r3);
    }
  };
}
function z(t3, r3, u3, i3, f4, o4, e3, l3, c3, a4) {
  var s3, p3, v3, d3, k2, b, m3, M, C3, j2, L2, H2, q2, A3, O, P2, T3, N2, V2 = r3.type;
  if (r3.constructor !== h) return null;
  128 & u3.__u && (c3 = 32 & u3.__u, s3 = u3.__c.__z) && (r3.__u |= c3, p3 = o4 = [], 8 == s3.nodeType ? l3 = B(s3, o4) : o4.push(s3), l3 = o4[0] || l3), (s3 = n.__b) && s3(r3);
  n: if ("function" == typeof V2) {
    v3 = e3.length;
    try {
      if (M = r3.props, C3 = (s3 = V2.prototype) && s3.render, j2 = (s3 = V2.contextType) && i3[s3.__c], L2 = s3 ? j2 ? j2.props.value : s3.__ : i3, (d3 = u3.__c) ? (r3.__c = d3, 2 & d3.__g && (d3.__g |= 1)) : (C3 ? r3.__c = d3 = new V2(M, L2) : (r3.__c = d3 = new x(M, L2), d3.constructor = V2, d3.render = K), j2 && j2.sub(d3), d3.state || (d3.state = {}), d3.__n = i3, d3.__g |= 8, d3.__h = [], d3.__k = []), C3 && (d3.__s || (d3.__s = d3.state), V2.getDerivedStateFromProps && (d3.__s == d3.state && (d3.__s = _({}, d3.__s)), _(d3.__s, V2.getDerivedStateFromProps(M, d3.__s)))), k2 = d3.props, b = d3.state, d3.__v = r3, u3.__c) {
        if (M !== k2 && C3 && !V2.getDerivedStateFromProps && d3.componentWillReceiveProps && d3.componentWillReceiveProps(M, L2), r3.__v == u3.__v && !(8 & d3.__g) || !(4 & d3.__g) && d3.shouldComponentUpdate && false === d3.shouldComponentUpdate(M, d3.__s, L2)) {
          r3.__v != u3.__v && (d3.props = M, d3.state = d3.__s, d3.__g &= -9), r3.__e = u3.__e, r3.__k = u3.__k, r3.__k.some(function(n2) {
            n2 && (n2.__ = r3);
          }), y.push.apply(d3.__h, d3.__k), d3.__k = [], d3.__h.length && e3.push(d3), l3 = S(u3);
          break n;
        }
        d3.componentWillUpdate && d3.componentWillUpdate(M, d3.__s, L2), C3 && d3.componentDidUpdate && d3.__h.push(function() {
          d3.componentDidUpdate(k2, b, m3);
        });
      } else C3 && !V2.getDerivedStateFromProps && d3.componentWillMount && d3.componentWillMount(), C3 && d3.componentDidMount && d3.__h.push(d3.componentDidMount);
      d3.context = L2, d3.props = M, d3.__P = t3, d3.__g &= -5, H2 = n.__r, q2 = C3 ? 25 : 0;
      do {
        d3.__g &= -9, H2 && H2(r3), s3 = d3.render(d3.props, d3.state = d3.__s, d3.context);
      } while (8 & d3.__g && ++q2 < 25);
      C3 && (y.push.apply(d3.__h, d3.__k), d3.__k = []), d3.state = d3.__s, d3.getChildContext && (i3 = _({}, i3, d3.getChildContext())), C3 && u3.__c && d3.getSnapshotBeforeUpdate && (m3 = d3.getSnapshotBeforeUpdate(k2, b)), A3 = s3 && s3.type === $ && null == s3.key ? s3.props.children : s3, M.__P && (s3 = l3, f4 = (t3 = M.__P).namespaceURI, c3 = o4 = null, u3.props && u3.props.__P != t3 && (u3.__k.some(function(n2) {
        n2 && J(n2, n2);
      }), u3.__k = null), l3 = u3.__k ? S(u3, 0) : null), l3 = I(t3, w(A3) ? A3 : [A3], r3, u3, i3, f4, o4, e3, l3, c3, a4), M.__P && (r3.__e = null, l3 = s3), r3.__u &= -161, p3 && p3.some(g), d3.__h.length && e3.push(d3), 1 & d3.__g && (d3.__g &= -4);
    } catch (t4) {
      if (e3.length = v3, r3.__v = null, c3 || o4) if (t4 && t4.then) {
        if (r3.__u |= 128 | c3, o4) {
          for (~(T3 = o4.indexOf(l3 || void 0)) || (T3 = o4.length); (N2 = o4[T3 - 1]) && 8 == N2.nodeType; ) T3--;
          for (; T3 < o4.length; T3++) if (N2 = o4[T3]) if (o4[T3] = null, O) {
            if (N2 == P2) break;
          } else {
            if (8 != N2.nodeType) break;
            N2.data.startsWith("$s") && (P2 = B(O = N2));
          }
        }
        if (!O) {
          for (; l3 && 8 == l3.nodeType && l3.nextSibling; ) l3 = l3.nextSibling;
          O = l3;
        }
        (s3 = B(O = r3.__c.__z || (r3.__c.__z = O))) ? (r3.__e = O, l3 = s3) : r3.__e = l3, l3 = l3 && l3.nextSibling;
      } else o4 && o4.some(g);
      else r3.__e = u3.__e;
      r3.__k || (r3.__k = u3.__k || []), t4 && t4.then || D(r3), n.__e(t4, r3, u3);
    }
  } else l3 = r3.__e = F(u3.__e, r3, u3, i3, f4, o4, e3, c3, a4, t3);
  return (s3 = n.diffed) && s3(r3), l3;
}
function B(n2, t3) {
  if (n2 && 8 == n2.nodeType && n2.data.startsWith("$s")) for (var r3 = 1; n2 = n2.nextSibling; ) {
    if (8 == n2.nodeType) {
      if (n2.data.startsWith("$s")) r3++;
      else if (n2.data.startsWith("/$s") && !--r3) return n2;
    }
    t3 && t3.push(n2);
  }
}
function D(n2) {
  n2 && (n2.__c && (n2.__c.__g |= 4), n2.__k && n2.__k.some(D));
}
function E(t3, r3, u3) {
  for (var i3 = 0; i3 < u3.length; ) G(u3[i3++], u3[i3++], u3[i3++]);
  n.__c && n.__c(r3, t3), t3.some(function(r4) {
    try {
      t3 = r4.__h, r4.__h = [], t3.some(function(n2) {
        n2.call(r4);
      });
    } catch (t4) {
      n.__e(t4, r4.__v);
    }
  });
}
function F(t3, r3, u3, i3, f4, o4, e3, l3, c3, a4) {
  var s3, h3, y3, _3, k2, b, m3, M, $2 = u3.props || p, x2 = r3.props, C3 = r3.type;
  if ("svg" == C3 ? f4 = "http://www.w3.org/2000/svg" : "math" == C3 ? f4 = "http://www.w3.org/1998/Math/MathML" : f4 || (f4 = "http://www.w3.org/1999/xhtml"), o4) {
    for (s3 = 0; s3 < o4.length; s3++) if ((k2 = o4[s3]) && (C3 ? k2.localName == C3 : 3 == k2.nodeType)) {
      t3 = k2, o4[s3] = null;
      break;
    }
  }
  if (!t3) {
    if (M = a4.ownerDocument || document, !C3) return M.createTextNode(x2);
    t3 = M.createElementNS(f4, C3, x2.is ? x2 : a4), l3 && (n.__m && n.__m(r3, o4), l3 = false), o4 = null;
  }
  if (C3) {
    if (a4 = "template" == C3 && t3.content || t3, o4 = "textarea" == C3 && null != x2.defaultValue ? null : o4 && d.call(a4.childNodes), !l3 && o4) for ($2 = {}, s3 = 0; s3 < t3.attributes.length; s3++) $2[(k2 = t3.attributes[s3]).name] = k2.value;
    for (s3 in $2) k2 = $2[s3], "dangerouslySetInnerHTML" == s3 ? y3 = k2 : "children" == s3 || s3 in x2 || "value" == s3 && "defaultValue" in x2 || "checked" == s3 && "defaultChecked" in x2 || N(t3, s3, null, k2, f4);
    for (s3 in x2) k2 = x2[s3], "children" == s3 ? _3 = k2 : "dangerouslySetInnerHTML" == s3 ? h3 = k2 : "value" == s3 ? b = k2 : "checked" == s3 ? m3 = k2 : l3 && "function" != typeof k2 || $2[s3] === k2 || N(t3, s3, k2, $2[s3], f4);
    h3 ? (l3 || y3 && (h3.__html == y3.__html || h3.__html == t3.innerHTML) || (t3.innerHTML = h3.__html), r3.__k = []) : (y3 && (t3.textContent = ""), ("foreignObject" == C3 || "http://www.w3.org/1998/Math/MathML" == f4 && v.test(C3)) && (f4 = "http://www.w3.org/1999/xhtml"), I(a4, w(_3) ? _3 : [_3], r3, u3, i3, f4, o4, e3, o4 ? o4[0] : u3.__k && S(u3, 0), l3, c3), o4 && o4.some(g)), l3 && "textarea" != C3 || (s3 = "value", "progress" == C3 && null == b ? t3.removeAttribute(s3) : null == b || b === t3[s3] && ("progress" != C3 || b) || N(t3, s3, b, $2[s3], f4), s3 = "checked", null != m3 && m3 != t3[s3] && N(t3, s3, m3, $2[s3], f4));
  } else $2 === x2 || l3 && t3.data == x2 || (t3.data = x2);
  return t3;
}
function G(t3, r3, u3, i3) {
  try {
    "function" == typeof t3 ? r3 ? r3.__x = t3(r3) || 1 : i3 && (i3 = i3.__c || i3.__e) && (r3 = i3.__x) && (i3.__x = null, "function" == typeof r3 ? r3() : t3(null)) : t3.current = r3;
  } catch (t4) {
    n.__e(t4, u3);
  }
}
function J(t3, r3, u3) {
  var i3, f4, o4, e3;
  if (n.unmount && n.unmount(t3), !(i3 = t3.ref) || i3.current && i3.current != t3.__e || G(i3, null, r3, t3), i3 = t3.__c) {
    if (i3.componentWillUnmount) try {
      i3.componentWillUnmount();
    } catch (t4) {
      n.__e(t4, r3);
    }
    i3.__P = i3.__n = null;
  }
  if (i3 = t3.__k) for (e3 = 0; e3 < i3.length; e3++) i3[e3] && J(i3[e3], r3, "function" != typeof t3.type || u3 && !t3.props.__P);
  !u3 && (i3 = t3.__c) && (i3 = i3.__z) && (f4 = B(i3, o4 = [])) && (i3 == t3.__e && o4.some(g), g(f4), g(i3)), u3 || g(t3.__e), t3.__e = t3.__c = t3.__ = null;
}
function K(n2, t3, r3) {
  return this.constructor(n2, r3);
}
function Q(t3, r3) {
  var u3, i3, f4, o4;
  n.__ && n.__(t3, r3), 9 == r3.nodeType && (r3 = r3.documentElement), i3 = (u3 = t3 && 32 & t3.__u) ? null : r3.__k, r3.__k = m($, { children: [t3] }), f4 = [], o4 = [], z(r3, r3.__k, i3 || p, p, r3.namespaceURI, i3 ? null : r3.firstChild ? d.call(r3.childNodes) : null, f4, i3 ? i3.__e : r3.firstChild, u3, o4), E(f4, r3.__k, o4), r3.__k.props.children = null;
}
n = { __e: function(n2, t3, r3, u3) {
  for (var i3, o4, e3; t3 = t3.__; ) if ((i3 = t3.__c) && !(1 & i3.__g)) {
    i3.__g |= 4;
    try {
      if ((e3 = (o4 = i3.constructor) && o4.getDerivedStateFromError) && i3.setState(o4.getDerivedStateFromError(n2)), i3.componentDidCatch && (i3.componentDidCatch(n2, u3 || {}), e3 = 1), e3 && 8 & i3.__g) return void (i3.__g |= 2);
    } catch (t4) {
      n2 = t4;
    }
  }
  throw f = 0, n2;
} }, t = 0, r = function(n2) {
  return null != n2 && n2.constructor === h;
}, x.prototype.setState = function(n2, t3) {
  var r3 = this.__s;
  r3 && r3 != this.state || (r3 = this.__s = _({}, this.state)), "function" == typeof n2 && (n2 = n2(_({}, r3), this.props)), n2 && (_(r3, n2), this.__v && (t3 && this.__k.push(t3), L(this)));
}, x.prototype.forceUpdate = function(n2) {
  this.__v && (this.__g |= 4, n2 && this.__h.push(n2), L(this));
}, x.prototype.render = $, u = [], f = 0, o = function(n2, t3) {
  return n2.__v.__b - t3.__v.__b;
}, e = /* @__PURE__ */ Symbol(), l = /(PointerCapture)$|Capture$/i, c = 0, a = {}, s = 0;

// src/transport.ts
var Refused = class extends Error {
  constructor(status, message, details = {}) {
    super(message);
    this.status = status;
    this.details = details;
  }
  status;
  details;
};
var API = "api/v1/faces";
var FetchTransport = class {
  constructor(base = API) {
    this.base = base;
  }
  base;
  address(path) {
    return `${this.base}${path}`;
  }
  async ask(call) {
    const query = new URLSearchParams(call.query ?? {}).toString();
    const isForm = call.body instanceof FormData;
    const init = { method: call.method, headers: { "X-Faceml-Page": "1" }, credentials: "same-origin" };
    if (isForm) init.body = call.body;
    else if (call.body !== void 0) {
      init.body = JSON.stringify(call.body);
      init.headers = { ...init.headers, "Content-Type": "application/json" };
    }
    let response;
    try {
      response = await fetch(`${this.base}${call.path}${query && `?${query}`}`, init);
    } catch {
      throw new Refused(0, "the service does not answer: is it still running?");
    }
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.arrayBuffer() };
  }
};
var ANSWER_WITHIN_MS = 12e4;
var CommTransport = class {
  constructor(model) {
    this.model = model;
    model.on("msg:custom", this.receive);
  }
  model;
  waiting = /* @__PURE__ */ new Map();
  last = 0;
  async ask(call) {
    const id = ++this.last;
    const { body, buffers } = await packed(call.body);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Refused(0, "the kernel does not answer: is a cell running, or has it stopped?"));
      }, ANSWER_WITHIN_MS);
      this.waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.model.send({ ...call, id, query: call.query ?? {}, body }, void 0, buffers);
    });
  }
  close() {
    this.model.off("msg:custom", this.receive);
    this.waiting.clear();
  }
  receive = (content, buffers) => {
    const reply = content;
    const resolve = this.waiting.get(reply.id);
    if (!resolve) return;
    this.waiting.delete(reply.id);
    const found = buffers[0];
    const body = found ? found.buffer.slice(found.byteOffset, found.byteOffset + found.byteLength) : new ArrayBuffer(0);
    resolve({ status: reply.status, headers: reply.headers, body });
  };
};
async function packed(body) {
  if (!(body instanceof FormData)) return { body: body ?? null, buffers: [] };
  const files = [...body].filter((entry) => entry[1] instanceof File);
  const buffers = await Promise.all(files.map(([, file]) => file.arrayBuffer()));
  return { body: { files: files.map(([field, file]) => ({ field, name: file.name, type: file.type })) }, buffers };
}
function readJson(answer) {
  const text = new TextDecoder().decode(answer.body);
  let found = null;
  try {
    found = text ? JSON.parse(text) : null;
  } catch {
    throw new Refused(answer.status, `the service answered ${answer.status} in words that this page does not know`);
  }
  if (answer.status >= 400) throw refusal(answer.status, found);
  return found;
}
function refusal(status, found) {
  const details = found ?? {};
  return new Refused(status, String(details["detail"] ?? details["title"] ?? `the service answered ${status}`), details);
}

// src/types.ts
var PLACES = ["to_name", "unconfirmed", "unknown", "people", "ignored", "hidden", "missing", "all"];
var TOPICS = ["probable", "same_person", "intruders", "close_calls", "recognised"];

// src/query.ts
var TEXTS = ["clusterId", "personId", "since", "until", "day", "folder", "assignedBy", "sort"];
var NUMBERS = ["minQuality", "maxQuality", "minSize", "minSimilarity", "maxSimilarity"];
var NARROWING = [...NUMBERS, "personId", "since", "until", "day", "folder", "assignedBy"];
function toParams(query) {
  const given2 = Object.entries(query).filter(([, value]) => value !== void 0 && value !== "");
  return Object.fromEntries(given2.map(([name, value]) => [name, String(value)]));
}
function toFragment(query, tile, view = null) {
  const { text: _name, ...rest } = query;
  return new URLSearchParams({ ...view && { view }, ...toParams(rest), tile: String(tile) }).toString();
}
function fromFragment(fragment) {
  const given2 = new URLSearchParams(fragment.replace(/^#/, ""));
  const place = given2.get("place");
  const query = { place: PLACES.includes(place) ? place : "to_name" };
  for (const name of TEXTS) if (given2.get(name)) query[name] = given2.get(name);
  for (const name of NUMBERS) {
    const value = Number(given2.get(name));
    if (given2.get(name) && Number.isFinite(value)) query[name] = value;
  }
  if (given2.get("descending")) query["descending"] = given2.get("descending") === "true";
  const tile = Number(given2.get("tile"));
  return { query, tile: tile >= 48 && tile <= 256 ? tile : null, view: given2.get("view") };
}
function narrowing(filters) {
  return NARROWING.filter((name) => filters[name] !== void 0 && filters[name] !== "").length;
}
function usualSort(query) {
  if (query.clusterId) return { sort: "fit" };
  if (query.place === "unconfirmed") return { sort: "similarity" };
  return { sort: query.place === "unknown" ? "quality" : "newest" };
}

// src/api.ts
var Api = class {
  constructor(transport) {
    this.transport = transport;
  }
  transport;
  places() {
    return this.get("/places");
  }
  grid(query, offset, limit) {
    return this.get("/grid", { ...toParams(query), offset: String(offset), limit: String(limit) });
  }
  groups(query, by, order, offset, limit) {
    return this.get("/grid/groups", { ...toParams(query), by, order, offset: String(offset), limit: String(limit) });
  }
  histogram(query, of, bins) {
    return this.get("/grid/histogram", { ...toParams(query), of, bins: String(bins) });
  }
  /** Pictures in the order asked for; an empty one is not to be had. */
  async thumbnails(faceIds, size) {
    return lengthPrefixed(await this.bytes({ method: "POST", path: "/grid/thumbnails", body: { faceIds, size } }));
  }
  decide(decision) {
    return this.post("/grid/decide", decision);
  }
  suggest(of) {
    return this.post("/grid/suggest", of);
  }
  /** All faces, unnamed ones too, most like a face first. */
  like(faceId, limit) {
    return this.post("/grid/like", { faceId, limit });
  }
  /** The same for the largest face of a photo that is uploaded as `photo`. */
  search(form) {
    return this.post("/grid/search", form);
  }
  names() {
    return this.get("/persons/names");
  }
  changes(since) {
    return this.get("/changes", { since: String(since) });
  }
  /** Take a decision back, or an undo; without an id the latest decision that stands. */
  undo(eventId) {
    return this.post("/undo", eventId === void 0 ? {} : { eventId });
  }
  /** The parts that a split would make. */
  async splitPreview(clusterId, minClusterSize) {
    const found = await this.get(`/clusters/${encodeURIComponent(clusterId)}/split`, { minClusterSize: String(minClusterSize) });
    return { ...found, minClusterSize };
  }
  split(clusterId, minClusterSize) {
    return this.post(`/clusters/${encodeURIComponent(clusterId)}/split`, { minClusterSize });
  }
  questions(topic, round, limit) {
    return this.get("/review", { topic, round: String(round), limit: String(Math.min(limit, 200)) });
  }
  answer(topic, { one, other }, isYes, name) {
    return this.post("/review/answer", { topic, one, other, isYes, ...name && { name } });
  }
  history(limit) {
    return this.get("/history", { limit: String(limit) });
  }
  /** Why a face has its name, and whom it is like now. */
  explanation(faceId) {
    return this.get(`/faces/${faceId}/explanation`);
  }
  person(personId) {
    return this.get(`/persons/${personId}`, { pageSize: "1" });
  }
  /** The faces that somebody is recognised by; without any the best are chosen anew. */
  exemplars(personId, faceIds) {
    return this.post(`/persons/${personId}/exemplars`, faceIds.length ? { faceIds } : {});
  }
  cover(personId, faceId) {
    return this.post(`/persons/${personId}/cover`, { faceId });
  }
  rename(personId, name) {
    return this.post(`/persons/${personId}/rename`, { name });
  }
  merge(personId, intoPersonId) {
    return this.post(`/persons/${personId}/merge`, { intoPersonId });
  }
  hide(personId, isHidden) {
    return this.post(`/persons/${personId}/${isHidden ? "hide" : "unhide"}`, {});
  }
  photo(assetId) {
    return this.get(`/assets/${assetId}/view`);
  }
  /** A photo, or the picture of a video at a moment. */
  picture(assetId, size, atS = 0) {
    const call = { method: "GET", path: `/assets/${assetId}/picture`, query: { size: String(size), ...atS && { atS: String(atS) } } };
    return this.bytes(call).then((found) => new Uint8Array(found));
  }
  /** Where a video plays from; null in a notebook, which has no address. */
  video(assetId) {
    return this.transport.address?.(`/assets/${assetId}/video`) ?? null;
  }
  draw(assetId, box, name) {
    const body = name ? { box, name } : { box };
    return this.post(`/assets/${assetId}/faces`, body);
  }
  /** The face has another id then: the answer's. */
  correct(faceId, box) {
    return this.post(`/faces/${faceId}/box`, { box });
  }
  async remove(faceId) {
    return readJson(await this.transport.ask({ method: "DELETE", path: `/faces/${faceId}` }));
  }
  /** The faces of a query as points on a plane. */
  map(query) {
    return this.get("/grid/map", toParams(query));
  }
  tiles(faceIds) {
    return this.post("/grid/tiles", { faceIds });
  }
  timeline(query) {
    return this.get("/grid/timeline", toParams(query));
  }
  tuneStart() {
    return this.get("/tune");
  }
  /** What these options would do; or what they did. */
  tune(step2, options, isApplied = false) {
    return this.post(`/tune/${step2}${isApplied ? "/apply" : ""}`, options);
  }
  async get(path, query = {}) {
    return readJson(await this.transport.ask({ method: "GET", path, query }));
  }
  async post(path, body) {
    const answer = await this.transport.ask({ method: "POST", path, body });
    const found = readJson(answer);
    const event = answer.headers["x-event-id"];
    const isRecord = found !== null && typeof found === "object" && !("eventId" in found);
    return event && isRecord ? { ...found, eventId: Number(event) } : found;
  }
  async bytes(call) {
    const answer = await this.transport.ask(call);
    if (answer.status < 400) return answer.body;
    try {
      throw refusal(answer.status, JSON.parse(new TextDecoder().decode(answer.body)));
    } catch (error) {
      throw error instanceof SyntaxError ? refusal(answer.status, null) : error;
    }
  }
};
function lengthPrefixed(body) {
  const view = new DataView(body);
  const parts = [];
  for (let at = 0; at + 4 <= body.byteLength; ) {
    const length = view.getUint32(at, true);
    parts.push(new Uint8Array(body, at + 4, length));
    at += 4 + length;
  }
  return parts;
}

// node_modules/preact/hooks/dist/hooks.mjs
var t2;
var r2;
var u2;
var i2;
var o2 = Object.is;
var f2 = 0;
var c2 = [];
var e2 = [];
var a2 = n;
var v2 = a2.__b;
var l2 = a2.__r;
var m2 = a2.diffed;
var h2 = a2.__c;
var s2 = a2.unmount;
var p2 = a2.__;
function y2(n2, t3) {
  a2.__h && a2.__h(r2, n2, f2 || t3), f2 = 0;
  var u3 = r2.__H || (r2.__H = { __: [], __h: [] });
  return n2 >= u3.__.length && u3.__.push({}), u3.__[n2];
}
function d2(n2) {
  return f2 = 1, _2(G2, n2);
}
function _2(n2, u3, i3) {
  var f4 = y2(t2++, 2);
  if (f4.t = n2, !f4.__c && (f4.__ = [i3 ? i3(u3) : G2(void 0, u3), function(n3) {
    var t3 = (f4.__N || f4.__)[0], r3 = f4.t(t3, n3);
    o2(t3, r3) || (f4.__N = [r3, f4.__[1]], f4.__c.setState({}));
  }], f4.__c = r2, !r2.__f)) {
    r2.__f = true;
    var c3 = r2.shouldComponentUpdate;
    r2.shouldComponentUpdate = function(n3, t3, r3) {
      var u4 = this.__H;
      if (!u4) return true;
      var i4 = false, f5 = this.props != n3;
      if (u4.__.some(function(n4) {
        n4.__N && (i4 = true, o2(n4.__[0], n4.__N[0]) || (f5 = true));
      }), c3) {
        var e3 = c3.call(this, n3, t3, r3);
        return i4 ? e3 || f5 : e3;
      }
      return !i4 || f5;
    };
  }
  return f4.__;
}
function A2(n2, u3) {
  var i3 = y2(t2++, 3);
  !a2.__s && E2(i3.__H, u3) && (i3.__P = true, i3.__ = n2, i3.u = u3, r2.__H.__h.push(i3));
}
function F2(n2, u3) {
  var i3 = y2(t2++, 4);
  !a2.__s && E2(i3.__H, u3) && (i3.__P = false, i3.__ = n2, i3.u = u3, r2.__h.push(i3));
}
function T2(n2) {
  return f2 = 5, w2(function() {
    return { current: n2 };
  }, []);
}
function w2(n2, r3) {
  var u3 = y2(t2++, 7);
  return E2(u3.__H, r3) && (u3.__ = n2(), u3.__H = r3), u3.__;
}
function g2() {
  var n2;
  do {
    for (; n2 = e2.shift(); ) try {
      C2(n2);
    } catch (t4) {
      a2.__e(t4, { __: (n2 = n2.__P) && n2.__v });
    }
    for (; n2 = c2.shift(); ) {
      var t3 = n2.__H;
      if (n2.__P && t3) try {
        t3.__h.some(C2), t3.__h.some(D2), t3.__h = [];
      } catch (r3) {
        t3.__h = [], a2.__e(r3, n2.__v);
      }
    }
  } while (e2.length);
}
a2.__b = function(n2) {
  r2 = null, v2 && v2(n2);
}, a2.__ = function(n2, t3) {
  n2 && t3.__k && t3.__k.__m && (n2.__m = t3.__k.__m), p2 && p2(n2, t3);
}, a2.__r = function(n2) {
  l2 && l2(n2), t2 = 0;
  var i3 = (r2 = n2.__c).__H;
  i3 && (u2 == r2 ? r2.__h = [] : (i3.__h.some(C2), i3.__h.some(D2), t2 = 0), i3.__h = [], i3.__.some(function(n3) {
    n3.__N && (n3.__ = n3.__N), n3.u = n3.__N = void 0;
  })), u2 = r2;
}, a2.diffed = function(n2) {
  m2 && m2(n2);
  var t3 = n2.__c;
  t3 && t3.__H && (t3.__H.__h.length && B2(c2.push(t3)), t3.__H.__.some(function(n3) {
    n3.u && (n3.__H = n3.u);
  })), u2 = r2 = null;
}, a2.__c = function(n2, t3) {
  t3.some(function(n3) {
    try {
      n3.__h.some(C2), n3.__h = n3.__h.filter(function(n4) {
        return !n4.__ || D2(n4);
      });
    } catch (t4) {
      n3.__h = [function() {
        throw t4;
      }];
    }
  }), h2 && h2(n2, t3);
}, a2.unmount = function(n2) {
  s2 && s2(n2);
  var t3, r3, u3 = n2.__c;
  u3 && u3.__H && (u3.__H.__.some(function(u4) {
    try {
      if (u4.__P && u4.__c) {
        if (void 0 === r3) {
          for (r3 = n2.__; r3 && (!r3.__c || !r3.__c.__P); ) r3 = r3.__;
          r3 = r3 && r3.__c;
        }
        u4.__P = r3, B2(e2.push(u4));
      } else C2(u4);
    } catch (n3) {
      t3 = n3;
    }
  }), u3.__H = void 0, t3 && a2.__e(t3, u3.__v));
};
var k = "function" == typeof requestAnimationFrame;
function z2(n2) {
  var t3, r3 = function() {
    clearTimeout(u3), k && cancelAnimationFrame(t3), setTimeout(n2);
  }, u3 = setTimeout(r3, 35);
  k && (t3 = requestAnimationFrame(r3));
}
function B2(n2) {
  1 != n2 && i2 == a2.requestAnimationFrame || ((i2 = a2.requestAnimationFrame) || z2)(g2);
}
function C2(n2) {
  var t3 = r2, u3 = n2.__c;
  "function" == typeof u3 && (n2.__c = void 0, u3()), r2 = t3;
}
function D2(n2) {
  var t3 = r2;
  n2.__c = n2.__(), r2 = t3;
}
function E2(n2, t3) {
  return !n2 || n2.length != t3.length || t3.some(function(t4, r3) {
    return !o2(t4, n2[r3]);
  });
}
function G2(n2, t3) {
  return "function" == typeof t3 ? t3(n2) : t3;
}

// src/complete.ts
var SHOWN = 6;
function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ").trim();
}
function completions(names2, typed) {
  const wanted = folded(typed);
  if (!wanted) return [];
  const rank = (name) => {
    if (name === wanted) return 0;
    if (name.startsWith(wanted)) return 1;
    return name.split(" ").some((word) => word.startsWith(wanted)) ? 2 : 3;
  };
  return names2.map((name) => ({ name, rank: rank(folded(name.name)) })).filter((found) => found.rank < 3).sort((a4, b) => a4.rank - b.rank || b.name.faces - a4.name.faces || a4.name.name.localeCompare(b.name.name)).slice(0, SHOWN).map((found) => found.name);
}
function meant(names2, typed) {
  const wanted = folded(typed);
  if (wanted.length < 4) return null;
  const most = wanted.length < 8 ? 1 : 2;
  const near = names2.map((name) => ({ name, slips: slips(wanted, folded(name.name), most) })).filter((found) => found.slips > 0 && found.slips <= most).sort((a4, b) => a4.slips - b.slips);
  const first = near[0];
  return first && (near[1] === void 0 || near[1].slips > first.slips) ? first.name : null;
}
function slips(a4, b, most) {
  if (Math.abs(a4.length - b.length) > most) return most + 1;
  let before = [];
  let above = Array.from({ length: b.length + 1 }, (_3, column) => column);
  for (let row = 1; row <= a4.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a4[row - 1] === b[column - 1];
      let best = Math.min(line[column - 1] + 1, above[column] + 1, above[column - 1] + (isSame ? 0 : 1));
      const isSwap = row > 1 && column > 1 && a4[row - 1] === b[column - 2] && a4[row - 2] === b[column - 1];
      if (isSwap) best = Math.min(best, before[column - 2] + 1);
      line.push(best);
    }
    before = above;
    above = line;
  }
  return Math.min(above[b.length], most + 1);
}

// src/selection.ts
var NOBODY = /* @__PURE__ */ new Set();
var NOTHING = { ids: NOBODY, isAll: false, anchor: 0, at: 0, base: NOBODY };
function isChosen(selection, id) {
  return selection.ids.has(id) !== selection.isAll;
}
function countOf(selection, total) {
  return selection.isAll ? total - selection.ids.size : selection.ids.size;
}
function isEmpty(selection) {
  return !selection.isAll && selection.ids.size === 0;
}
function clear(selection) {
  return { ...NOTHING, anchor: selection.at, at: selection.at };
}
function move(selection, to) {
  return { ...selection, at: to, anchor: to, base: selection.ids };
}
function only(at, id) {
  return { ids: /* @__PURE__ */ new Set([id]), isAll: false, anchor: at, at, base: NOBODY };
}
function toggle(selection, at, id) {
  const ids = new Set(selection.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, isAll: selection.isAll, anchor: at, at, base: ids };
}
function extend(selection, to, ids) {
  const kept = selection.isAll ? NOBODY : selection.base;
  return { ids: /* @__PURE__ */ new Set([...kept, ...ids]), isAll: false, anchor: selection.anchor, at: to, base: kept };
}
function all(selection) {
  return { ...selection, ids: NOBODY, isAll: true, base: NOBODY };
}
function band(selection, ids, isAdding) {
  const kept = isAdding && !selection.isAll ? selection.base : NOBODY;
  return { ...selection, ids: /* @__PURE__ */ new Set([...kept, ...ids]), isAll: false, base: kept };
}

// src/pages.ts
var PAGE = 200;
var KEPT = 60;
var LARGEST = 1e3;
var Pages = class {
  constructor(api, query) {
    this.api = api;
    this.query = query;
  }
  api;
  query;
  total = 0;
  revision = "";
  isKnown = false;
  // whether the total is
  kept = /* @__PURE__ */ new Map();
  // by number of the page, least recently seen first
  asked = /* @__PURE__ */ new Map();
  at(index) {
    return this.kept.get(Math.floor(index / PAGE))?.[index % PAGE];
  }
  /** All tiles at hand. */
  *loaded() {
    for (const page of this.kept.values()) yield* page;
  }
  /** See to it that the tiles from `from` to before `to` are at hand. */
  async ensure(from, to) {
    const last = Math.floor(Math.max(from, to - 1) / PAGE);
    const wanted = [];
    for (let number2 = Math.floor(from / PAGE); number2 <= last; number2++) {
      const page = this.kept.get(number2);
      if (page) this.keep(number2, page);
      else wanted.push(this.fetch(number2));
    }
    await Promise.all(wanted);
  }
  /** The ids of a range, fetched where they are not at hand. */
  async idsBetween(from, to) {
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    const ids = [];
    for (let at = first; at <= last; ) {
      const tile = this.at(at);
      if (tile) {
        ids.push(tile.faceId);
        at += 1;
        continue;
      }
      const found = await this.api.grid(this.query, at, Math.min(LARGEST, last - at + 1));
      if (!found.faces.length) break;
      ids.push(...found.faces.map((face) => face.faceId));
      at += found.faces.length;
    }
    return ids;
  }
  fetch(number2) {
    const running = this.asked.get(number2);
    if (running) return running;
    const started = this.api.grid(this.query, number2 * PAGE, PAGE).then((found) => {
      this.total = found.total;
      this.revision ||= found.revision;
      this.isKnown = true;
      this.keep(number2, found.faces);
    }).finally(() => this.asked.delete(number2));
    this.asked.set(number2, started);
    return started;
  }
  keep(number2, tiles) {
    this.kept.delete(number2);
    this.kept.set(number2, tiles);
    const oldest = this.kept.keys().next().value;
    if (this.kept.size > KEPT && oldest !== void 0) this.kept.delete(oldest);
  }
};

// src/questions.ts
var BATCH = 20;
var NOTHING_ASKED = {
  topic: TOPICS[0],
  round: 0,
  questions: [],
  photos: {},
  bursts: {},
  putOff: /* @__PURE__ */ new Set(),
  answered: 0,
  isNaming: false,
  isLoading: false
};
var Questions = class {
  constructor(desk) {
    this.desk = desk;
  }
  desk;
  get now() {
    return this.asked.questions[0];
  }
  /** Ask from the start: what was put off comes back. */
  async start() {
    this.set({ ...NOTHING_ASKED, answered: this.asked.answered });
    await this.fill(TOPICS.length);
  }
  /** Only about this. */
  async turnTo(topic) {
    this.set({ topic, round: 0, questions: [], isNaming: false });
    await this.fill(1);
  }
  async answer(isYes, name = "") {
    const { desk, now, asked } = this;
    if (!now || desk.state.isBusy) return;
    if (isYes && now.needsName && !name) return this.set({ isNaming: true });
    desk.store.set({ isBusy: true });
    try {
      const report = await desk.api.answer(asked.topic, now, isYes, name);
      desk.decisions.remember({ eventIds: report.eventIds, query: desk.state.query, text: report.text, question: now });
      this.set({ answered: asked.answered + 1 });
      desk.store.tell(report.text, "done");
    } catch (error) {
      desk.store.tell(error instanceof Error ? error.message : String(error), "problem");
      if (!(error instanceof Refused && [404, 409].includes(error.status))) return;
    } finally {
      desk.store.set({ isBusy: false });
    }
    void desk.refreshPlaces();
    if (name) void desk.refreshNames();
    await this.next();
  }
  async putAside() {
    if (!this.now) return;
    this.set({ putOff: /* @__PURE__ */ new Set([...this.asked.putOff, this.now.key]) });
    await this.next();
  }
  /** A question whose answer was taken back. */
  again(question) {
    const others = this.asked.questions.filter((found) => found.key !== question.key);
    this.set({ topic: question.topic, questions: [question, ...others.filter((found) => found.topic === question.topic)], isNaming: false });
  }
  leaveNaming() {
    this.set({ isNaming: false });
  }
  get asked() {
    return this.desk.state.asking;
  }
  set(change) {
    this.desk.store.set({ asking: { ...this.asked, ...change } });
  }
  async next() {
    this.set({ questions: this.asked.questions.slice(1), isNaming: false });
    await this.fill(TOPICS.length);
  }
  /** With no question left, ask anew: of this topic, its further rounds, and then of the other topics. */
  async fill(topics) {
    this.set({ isLoading: true });
    const first = TOPICS.indexOf(this.asked.topic);
    for (let step2 = 0; step2 < topics && !this.now; step2++) {
      const topic = TOPICS[(first + step2) % TOPICS.length];
      if (step2) this.set({ topic, round: 0 });
      for (let rounds = 1; !this.now && this.asked.topic === topic && this.asked.round < rounds; ) rounds = await this.ask(topic);
      if (this.asked.topic !== topic) break;
    }
    this.set({ isLoading: false });
  }
  async ask(topic) {
    const { round, putOff } = this.asked;
    const found = await this.desk.guarded(() => this.desk.api.questions(topic, round, BATCH + putOff.size));
    if (this.asked.topic !== topic) return 0;
    const questions = (found?.questions ?? []).filter((question) => !this.asked.putOff.has(question.key)).slice(0, BATCH);
    this.set({
      questions: questions.map((question) => ({ ...question, topic })),
      photos: { ...this.asked.photos, ...found?.photos },
      bursts: { ...this.asked.bursts, ...found?.bursts },
      round: questions.length ? round : round + 1
    });
    return found?.rounds ?? 0;
  }
};

// src/store.ts
function firstState(api, query, tile) {
  return {
    query,
    view: null,
    tile,
    places: [],
    latestEvent: 0,
    groups: [],
    groupsTotal: 0,
    order: "size",
    pages: new Pages(api, query),
    isLoading: true,
    isBusy: false,
    selection: NOTHING,
    names: [],
    typed: "",
    asked: "",
    picked: -1,
    suggestions: [],
    histogram: null,
    threshold: null,
    above: null,
    photo: null,
    found: null,
    split: null,
    asking: NOTHING_ASKED,
    panel: null,
    notice: { text: "", kind: "hint", number: 0 }
  };
}
var Store = class {
  constructor(state) {
    this.state = state;
  }
  state;
  listeners = /* @__PURE__ */ new Set();
  isTold = true;
  set(patch) {
    this.state = { ...this.state, ...patch };
    if (!this.isTold) return;
    this.isTold = false;
    queueMicrotask(() => {
      this.isTold = true;
      this.listeners.forEach((listener) => listener());
    });
  }
  tell(text, kind = "hint") {
    this.set({ notice: { text, kind, number: this.state.notice.number + 1 } });
  }
  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
};
function orderOf(state, place) {
  if (place === "unconfirmed") return "attention";
  return place === "to_name" ? "size" : state.order;
}
function groupedBy(place) {
  if (place === "to_name") return "cluster";
  return place === "unconfirmed" || place === "people" || place === "hidden" ? "person" : null;
}
function showsCards(query) {
  return (query.place === "people" || query.place === "hidden") && !query.personId;
}
function groupKey(query) {
  const by = groupedBy(query.place);
  if (by === null) return void 0;
  return by === "cluster" ? query.clusterId : query.personId;
}
function openGroup(state) {
  const key = groupKey(state.query);
  return key === void 0 ? void 0 : state.groups.find((group) => group.key === key);
}
function withGroup(query, key) {
  const { clusterId: _cluster, personId: _person, ...rest } = query;
  if (groupedBy(query.place) === null) return query;
  if (key === void 0) return rest;
  return groupedBy(query.place) === "cluster" ? { ...rest, clusterId: key } : { ...rest, personId: key };
}

// src/words.ts
function counted(faces) {
  return faces === 1 ? "1 face" : `${number(faces)} faces`;
}
function number(value) {
  return value.toLocaleString("en");
}
function similarity(value) {
  return value.toFixed(2);
}
function day(when) {
  const iso = typeof when === "number" ? new Date(when * 1e3).toISOString() : when;
  const [year, month, date] = iso.slice(0, 10).split("-").map(Number);
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  return `${date} ${months[(month ?? 1) - 1]} ${year}`;
}
function clock(seconds) {
  const [s3, m3, h3] = [Math.floor(seconds) % 60, Math.floor(seconds / 60) % 60, Math.floor(seconds / 3600)];
  const two = (part) => String(part).padStart(2, "0");
  return h3 ? `${h3}:${two(m3)}:${two(s3)}` : `${m3}:${two(s3)}`;
}

// src/entry.ts
function shownNames(state) {
  return completions(state.names, state.typed);
}
function pickedName(state) {
  const shown = shownNames(state);
  const same = shown.find((known) => folded(known.name) === folded(state.typed));
  if (same && state.picked < 0) return same;
  return shown[Math.max(0, state.picked)];
}
function enterMeans(state, asTyped = false) {
  const { query, selection, pages } = state;
  const typed = state.typed.replace(/\s+/g, " ").trim();
  if (showsCards(query)) return { do: "open", says: "Open" };
  const many = isEmpty(selection) ? pages.total : countOf(selection, pages.total);
  const whom = many === 1 ? "1 face" : `${isEmpty(selection) ? "all " : ""}${number(many)}`;
  if (typed) return named(state, typed, whom, asTyped);
  if (query.place === "unconfirmed" && query.personId && !state.found) {
    const count = isEmpty(selection) ? state.threshold === null ? pages.total : state.above ?? pages.total : many;
    return { do: "confirm", says: `Confirm ${number(count)}` };
  }
  const best = state.suggestions[0];
  const group = openGroup(state);
  if (best?.isLikely && !(group?.isMixed && isEmpty(selection)))
    return { do: "name", who: { personId: best.personId, name: best.personName }, says: `Name ${whom} ${best.personName}` };
  if (group?.isMixed && isEmpty(selection)) return { do: "nothing", says: "These faces are little alike: select some, split the group, or type a name" };
  return { do: "nothing", says: "Type a name" };
}
function named(state, typed, whom, asTyped) {
  const picked = asTyped ? void 0 : pickedName(state);
  if (picked) return { do: "name", who: { personId: picked.personId, name: picked.name }, says: `Name ${whom} ${picked.name}` };
  const slip = asTyped ? null : meant(state.names, typed);
  if (slip && state.asked === typed) return { do: "name", who: { personId: slip.personId, name: slip.name }, says: `Name ${whom} ${slip.name}` };
  if (slip) return { do: "ask", meant: slip, says: `Did you mean ${slip.name}?` };
  return { do: "name", who: { name: typed }, says: `Name ${whom} ${typed}, a new person` };
}

// src/act.ts
async function act(command, desk, stage) {
  const { decisions, state } = { decisions: desk.decisions, state: desk.state };
  switch (command.do) {
    case "take":
      return enter(desk, stage, false);
    case "takeAsTyped":
      return enter(desk, stage, true);
    case "reject":
      return after(stage, decisions.reject());
    case "stranger":
      return after(stage, decisions.dismiss("stranger"));
    case "notAFace":
      return after(stage, decisions.dismiss("not_a_face"));
    case "restore":
      return after(stage, decisions.restore());
    case "split":
      return decisions.previewSplit();
    case "unassign":
      return after(stage, decisions.unassign());
    case "cover":
      return after(stage, decisions.cover());
    case "exemplars":
      return after(stage, decisions.exemplars());
    case "sameDay":
      return after(stage, sameDay(desk));
    case "undo":
      return after(stage, decisions.undo());
    case "redo":
      return after(stage, decisions.redo());
    case "photo":
      return look(desk);
    case "similar":
      return similar(desk);
    case "all":
      return desk.choose(all(state.selection));
    case "toggle":
      return toggle2(desk);
    case "move":
      return stage.moveTo(command.key, command.isExtending);
    case "type":
      return stage.focusEntry(command.letter);
    case "place":
      return after(stage, desk.goTo(PLACES[command.number - 1]));
    case "view":
      return desk.openView(command.name);
    case "group":
      return after(stage, desk.stepGroup(command.by));
    case "suggestion":
      return suggestion(desk, stage, command.number);
    case "complete":
      return complete(desk, command.by);
    case "filters":
    case "why":
      return state.view ? void 0 : turn(desk, command.do);
    case "keys":
    case "history":
      return turn(desk, command.do);
    case "escape":
      return escape(desk, stage);
  }
}
async function after(stage, work) {
  await work;
  stage.focusGrid();
}
async function enter(desk, stage, asTyped) {
  const meaning = enterMeans(desk.state, asTyped);
  if (meaning.do === "ask") {
    const typed = desk.state.typed.replace(/\s+/g, " ").trim();
    desk.store.set({ asked: typed });
    desk.store.tell(`Did you mean ${meaning.meant.name}? Enter takes that name, Shift+Enter a new person: ${typed}`);
  } else if (meaning.do === "name") {
    if (await desk.decisions.name(meaning.who)) stage.focusGrid();
  } else if (meaning.do === "confirm") {
    if (await desk.decisions.confirm()) stage.focusGrid();
  } else if (meaning.do === "nothing") desk.store.tell(meaning.says, "hint");
}
async function escape(desk, stage) {
  const { store, state } = desk;
  if (state.photo) store.set({ photo: null });
  else if (state.split) store.set({ split: null });
  else if (state.panel) store.set({ panel: null });
  else if (state.view) await desk.goTo(state.query.place);
  else if (!isEmpty(state.selection)) desk.choose(clear(state.selection));
  else if (state.typed) desk.type("");
  else await desk.back();
  stage.focusGrid();
}
function turn(desk, panel) {
  desk.store.set({ panel: desk.state.panel === panel ? null : panel });
}
async function sameDay(desk) {
  const taken = desk.state.pages.at(desk.state.selection.at)?.takenAt;
  if (taken == null) return desk.store.tell("Nobody knows when this photo was taken", "problem");
  await desk.openDay(new Date(taken * 1e3).toISOString().slice(0, 10));
}
async function suggestion(desk, stage, number2) {
  const likeness = desk.state.suggestions[number2 - 1];
  if (likeness && await desk.decisions.name({ personId: likeness.personId, name: likeness.personName })) stage.focusGrid();
}
function complete(desk, by) {
  const count = shownNames(desk.state).length;
  const now = Math.max(0, desk.state.picked);
  desk.store.set({ picked: (now + by + count) % count });
}
function look(desk) {
  const { pages, selection, query } = desk.state;
  const face = pages.at(selection.at);
  if (face && !showsCards(query)) desk.store.set({ photo: { assetId: face.assetId, faceId: face.faceId } });
}
async function similar(desk) {
  const face = desk.state.pages.at(desk.state.selection.at);
  if (face) await desk.searchLike({ faceId: face.faceId });
}
function toggle2(desk) {
  const { pages, selection } = desk.state;
  const face = pages.at(selection.at);
  if (face) desk.choose(toggle(selection, selection.at, face.faceId));
}
function isOffered(command, desk) {
  const { query, pages, isLoading } = desk.state;
  if (!pages.total || isLoading) return false;
  if (command === "restore") return query.place === "ignored";
  if (command === "stranger" || command === "notAFace") return query.place !== "ignored";
  if (command === "unassign" || command === "cover" || command === "exemplars") return query.place === "people" && query.personId !== void 0;
  if (command === "sameDay") return query.day === void 0 && pages.at(desk.state.selection.at)?.takenAt != null;
  if (command === "split") return groupedBy(query.place) === "cluster" && pages.total > 3;
  if (command === "reject" && query.place === "to_name") return desk.state.suggestions[0]?.isLikely === true;
  return true;
}

// node_modules/preact/jsx-runtime/dist/jsxRuntime.mjs
var f3 = /* @__PURE__ */ Symbol.for("pv");
var o3 = 0;
function a3(t3, e3, n2, u3, a4, i3) {
  e3 || (e3 = {});
  var c3, l3, p3 = e3;
  if ("ref" in p3 && "function" != typeof t3) for (l3 in p3 = {}, e3) "ref" == l3 ? c3 = e3[l3] : p3[l3] = e3[l3];
  var s3 = { type: t3, props: p3, key: n2, ref: c3, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: f3, __v: --o3, __i: -1, __u: 0 };
  return (a4 || i3) && (s3.__source = a4, s3.__self = i3), n.vnode && n.vnode(s3), s3;
}

// src/bar.tsx
var BUTTONS = [
  { command: "reject", label: "Not this person", keys: "Del" },
  { command: "stranger", label: "Ignore", keys: "Alt+I" },
  { command: "notAFace", label: "Not a face", keys: "Alt+N" },
  { command: "restore", label: "Bring back", keys: "Alt+B" },
  { command: "split", label: "Split", keys: "Alt+S" },
  { command: "photo", label: "Photo", keys: "Space" },
  { command: "similar", label: "Find alike", keys: "Alt+L" },
  { command: "unassign", label: "Take away", keys: "Alt+U", isRare: true },
  { command: "cover", label: "Portrait", keys: "Alt+C", isRare: true },
  { command: "exemplars", label: "Recognise by", keys: "Alt+E", isRare: true },
  { command: "sameDay", label: "Same day", keys: "Alt+D", isRare: true },
  { command: "why", label: "Why", keys: "Alt+W", isRare: true }
];
function Bar({ desk, stage, entry }) {
  const { state } = desk;
  const meaning = enterMeans(state);
  const canTake = !state.isBusy && !state.isLoading && meaning.do !== "nothing" && meaning.do !== "open";
  const [hasMore, setMore] = d2(false);
  const isOpen = state.typed !== "" && shownNames(state).length > 0;
  return /* @__PURE__ */ a3("div", { class: "fg-bar", children: [
    /* @__PURE__ */ a3("div", { class: "fg-answer", children: [
      /* @__PURE__ */ a3(
        "input",
        {
          ref: entry,
          class: "fg-entry",
          type: "text",
          value: state.typed,
          placeholder: "Type a name",
          "aria-label": "Name",
          spellcheck: false,
          autocomplete: "off",
          maxLength: 255,
          role: "combobox",
          "aria-expanded": isOpen,
          "aria-controls": "fg-names",
          "aria-autocomplete": "list",
          ...isOpen && pickedName(state) ? { "aria-activedescendant": "fg-picked" } : {},
          onInput: (event) => desk.type(event.currentTarget.value)
        }
      ),
      /* @__PURE__ */ a3(Names, { desk, stage })
    ] }),
    /* @__PURE__ */ a3("div", { class: "fg-actions", children: [
      /* @__PURE__ */ a3("button", { type: "button", class: "fg-button fg-main-button", "data-action": "take", disabled: !canTake, onClick: () => void act({ do: "take" }, desk, stage), children: [
        canTake ? meaning.says : "Name",
        " ",
        /* @__PURE__ */ a3("kbd", { children: "⏎" })
      ] }),
      BUTTONS.filter((button) => isOffered(button.command, desk) && (hasMore || !button.isRare)).map((button) => /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button",
          "data-action": button.command,
          disabled: state.isBusy,
          title: button.keys,
          onClick: () => void act({ do: button.command }, desk, stage),
          children: [
            button.command === "reject" && state.query.place === "to_name" ? `Not ${state.suggestions[0]?.personName}` : button.label,
            " ",
            /* @__PURE__ */ a3("kbd", { children: button.keys })
          ]
        },
        button.command
      )),
      /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-expanded": hasMore, onClick: () => setMore(!hasMore), children: hasMore ? "Less" : "More" })
    ] })
  ] });
}
function Names({ desk, stage }) {
  const { state } = desk;
  const shown = shownNames(state);
  const picked = pickedName(state);
  const meaning = enterMeans(state);
  const take = (who) => void desk.decisions.name(who).then((isDone) => isDone && stage.focusGrid());
  const isTyped = state.typed.trim() !== "";
  return /* @__PURE__ */ a3("div", { class: "fg-names-box", children: [
    /* @__PURE__ */ a3("ul", { id: "fg-names", class: "fg-names", role: "listbox", "aria-label": "Names", hidden: !isTyped || !shown.length, children: isTyped && shown.map((known) => {
      const isPicked = known === picked;
      return /* @__PURE__ */ a3(
        "li",
        {
          role: "option",
          id: isPicked ? "fg-picked" : void 0,
          "aria-selected": isPicked,
          class: `fg-chip${isPicked ? " fg-likely" : ""}`,
          onClick: () => take(known),
          children: [
            isPicked && /* @__PURE__ */ a3("kbd", { children: "⏎" }),
            known.name,
            " ",
            /* @__PURE__ */ a3("small", { children: known.faces })
          ]
        },
        known.personId
      );
    }) }),
    isTyped && meaning.do === "ask" && /* @__PURE__ */ a3("button", { type: "button", class: "fg-chip fg-likely", onClick: () => take(meaning.meant), children: [
      "Did you mean ",
      meaning.meant.name,
      "?"
    ] }),
    isTyped && !state.names.some((known) => known.name === state.typed.trim()) && /* @__PURE__ */ a3("button", { type: "button", class: "fg-chip fg-new", title: "A new person, called as typed", onClick: () => void act({ do: "takeAsTyped" }, desk, stage), children: [
      /* @__PURE__ */ a3("kbd", { children: picked || meaning.do === "ask" ? "⇧⏎" : "⏎" }),
      "new person"
    ] }),
    !isTyped && state.suggestions.map((likeness, at) => {
      const isTaken = meaning.do === "name" && at === 0;
      return /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: `fg-chip${isTaken ? " fg-likely" : ""}`,
          "data-person": likeness.personId,
          onClick: () => take({ personId: likeness.personId, name: likeness.personName }),
          children: [
            /* @__PURE__ */ a3("kbd", { children: isTaken ? "⏎" : at + 1 }),
            likeness.personName,
            " ",
            /* @__PURE__ */ a3("small", { children: similarity(likeness.similarity) })
          ]
        },
        likeness.personId
      );
    })
  ] });
}

// src/portrait.tsx
function Portrait({ desk, faceId }) {
  const [url, setUrl] = d2(faceId === void 0 ? "" : desk.pictures.of(faceId));
  A2(() => {
    if (faceId === void 0) return setUrl("");
    const show = () => setUrl(desk.pictures.of(faceId));
    show();
    if (desk.pictures.of(faceId) === void 0) desk.pictures.wantAlso(faceId);
    return desk.pictures.onPictures((ids) => ids.includes(faceId) && show());
  }, [faceId]);
  return /* @__PURE__ */ a3("img", { class: "fg-portrait", alt: "", draggable: false, ...url ? { src: url } : {} });
}

// src/cards.tsx
function Cards({ desk }) {
  const { groups, groupsTotal, query } = desk.state;
  const list = T2(null);
  const [at, setAt] = d2(0);
  A2(() => list.current?.querySelector('[tabindex="0"]')?.focus({ preventScroll: true }), [query.place]);
  const turn2 = (event) => {
    const cards = [...list.current?.querySelectorAll(".fg-card") ?? []];
    const columns = cards.filter((card2) => card2.offsetTop === cards[0]?.offsetTop).length || 1;
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    const to = event.key === "Home" ? 0 : event.key === "End" ? cards.length - 1 : at + (moves[event.key] ?? NaN);
    const card = cards[to];
    if (!card || event.altKey || event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    setAt(to);
    card.focus();
  };
  if (!groups.length) return /* @__PURE__ */ a3("p", { class: "fg-nothing", children: query.text ? "Nobody is called so." : query.place === "hidden" ? "Nobody is hidden." : "Nobody has a name yet." });
  return /* @__PURE__ */ a3("div", { class: "fg-cards-box", children: [
    /* @__PURE__ */ a3("ul", { class: "fg-cards", ref: list, onKeyDown: turn2, "aria-label": "People", children: groups.map((group, place) => /* @__PURE__ */ a3("li", { children: /* @__PURE__ */ a3(
      "button",
      {
        type: "button",
        class: "fg-card",
        "data-person": group.key,
        tabIndex: place === Math.min(at, groups.length - 1) ? 0 : -1,
        onFocus: () => setAt(place),
        onClick: () => void desk.open(withGroup(query, group.key)),
        children: [
          /* @__PURE__ */ a3(Portrait, { desk, faceId: group.cover[0] }),
          /* @__PURE__ */ a3("b", { children: group.label }),
          /* @__PURE__ */ a3("small", { children: counted(group.faces) }),
          group.toConfirm ? /* @__PURE__ */ a3("small", { children: [
            number(group.toConfirm),
            " to confirm"
          ] }) : null
        ]
      }
    ) }, group.key)) }),
    groups.length < groupsTotal && /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", onClick: () => void desk.moreGroups(), children: [
      "Show more of ",
      number(groupsTotal)
    ] })
  ] });
}

// src/layout.ts
var GAP = 6;
var TALLEST_PX = 8e6;
function layOut(total, tile, width) {
  const columns = Math.max(1, Math.floor((width + GAP) / (tile + GAP)));
  const pitch = columns > 1 && total >= columns ? Math.floor((width + GAP) / columns) : tile + GAP;
  const rows = Math.ceil(total / columns);
  const real = rows * pitch;
  const height = Math.min(real, TALLEST_PX);
  return { columns, rows, tile: pitch - GAP, pitch, height, scale: real ? real / height : 1 };
}
function visibleRows(layout, scrollTop, viewport, spare) {
  const top = realTop(layout, scrollTop, viewport);
  const from = Math.floor(top / layout.pitch) - spare;
  const to = Math.ceil((top + viewport) / layout.pitch) + spare;
  return { from: Math.max(0, from), to: Math.min(layout.rows, to) };
}
function topOf(layout, row, scrollTop, viewport) {
  return row * layout.pitch - realTop(layout, scrollTop, viewport) + scrollTop;
}
function scrollTo(layout, row, scrollTop, viewport) {
  const top = realTop(layout, scrollTop, viewport);
  const start2 = row * layout.pitch;
  if (start2 < top) return scrolledFor(layout, start2, viewport);
  if (start2 + layout.pitch > top + viewport) return scrolledFor(layout, start2 + layout.pitch - viewport, viewport);
  return scrollTop;
}
function realTop(layout, scrollTop, viewport) {
  const range = layout.height - viewport;
  return layout.scale === 1 || range <= 0 ? scrollTop : scrollTop / range * (layout.height * layout.scale - viewport);
}
function scrolledFor(layout, real, viewport) {
  const range = layout.height * layout.scale - viewport;
  return layout.scale === 1 || range <= 0 ? Math.max(0, real) : Math.max(0, real) / range * (layout.height - viewport);
}
function step(key, at, total, columns, pageRows) {
  const last = total - 1;
  const moves = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at - columns < 0 ? at : at - columns,
    ArrowDown: at + columns > last ? Math.floor(at / columns) < Math.floor(last / columns) ? last : at : at + columns,
    PageUp: Math.max(at % columns, at - columns * pageRows),
    PageDown: Math.min(last, at + columns * pageRows),
    Home: 0,
    End: last
  };
  return Math.min(last, Math.max(0, moves[key] ?? at));
}
function within(layout, total, band2) {
  const cell = layout.pitch;
  const size = cell - GAP;
  const span = (from, to, most) => [
    Math.max(0, Math.floor((from + GAP) / cell)),
    Math.min(most, Math.floor(to / cell) + 1)
  ];
  const [firstRow, lastRow] = span(band2.top, band2.bottom, layout.rows);
  const [firstColumn, lastColumn] = span(band2.left, band2.right, layout.columns);
  const found = [];
  for (let row = firstRow; row < lastRow; row++) {
    if (row * cell + size < band2.top) continue;
    for (let column = firstColumn; column < lastColumn; column++) {
      const at = row * layout.columns + column;
      if (at < total && column * cell + size >= band2.left) found.push(at);
    }
  }
  return found;
}

// src/tile.ts
var CAPTION_FROM_PX = 88;
var Paint = class {
  // what each shows now
  constructor(desk) {
    this.desk = desk;
  }
  desk;
  byId = /* @__PURE__ */ new Map();
  painted = /* @__PURE__ */ new WeakMap();
  make() {
    const tile = document.createElement("div");
    tile.setAttribute("role", "gridcell");
    tile.className = "fg-tile";
    const picture = document.createElement("img");
    picture.alt = "";
    picture.draggable = false;
    picture.decoding = "async";
    const [badge, name] = [document.createElement("span"), document.createElement("span")];
    badge.className = "fg-badge";
    name.className = "fg-caption";
    tile.append(picture, badge, name);
    return tile;
  }
  assign(tile, face, column) {
    tile.face = face;
    tile.setAttribute("aria-colindex", String(column));
    this.painted.delete(tile);
  }
  forget(tiles) {
    for (const tile of tiles) {
      const id = tile.dataset["face"];
      if (id && this.byId.get(id) === tile) this.byId.delete(id);
    }
  }
  all(tiles) {
    for (const tile of tiles) this.one(tile);
  }
  pictures(ids) {
    for (const id of ids) {
      const tile = this.byId.get(id);
      if (tile) this.one(tile);
    }
  }
  one(tile) {
    const { state } = this.desk;
    const face = state.pages.at(tile.face ?? -1);
    tile.tabIndex = tile.face === state.selection.at ? 0 : -1;
    const url = face && this.desk.pictures.of(face.faceId);
    const marks = face ? marksOf(face, state) : ["fg-empty-tile"];
    const badge = face ? badgeOf(face, state) : "";
    const caption = face ? captionOf(face, state) : "";
    const shows = [face?.faceId, url, badge, caption, ...marks].join(" ");
    if (this.painted.get(tile) === shows) return;
    this.painted.set(tile, shows);
    if (tile.dataset["face"] && tile.dataset["face"] !== face?.faceId) this.forget([tile]);
    tile.dataset["face"] = face?.faceId ?? "";
    if (face) this.byId.set(face.faceId, tile);
    tile.className = ["fg-tile", ...marks, ...url === "" ? ["fg-gone"] : []].join(" ");
    tile.setAttribute("aria-selected", String(marks.includes("fg-chosen")));
    tile.setAttribute("aria-label", face ? spoken(face, marks) : "not loaded yet");
    tile.title = face ? hint(face) : "";
    const [picture, badgeAt, captionAt] = tile.children;
    if (!url) picture.removeAttribute("src");
    else if (picture.src !== url) picture.src = url;
    badgeAt.textContent = badge;
    captionAt.textContent = caption;
  }
};
function marksOf(face, state) {
  const isBelow = state.threshold !== null && face.similarity !== null && face.similarity < state.threshold;
  return [
    `fg-${face.state}`,
    ...isChosen(state.selection, face.faceId) ? ["fg-chosen"] : [],
    ...face.isOdd ? ["fg-odd"] : [],
    ...isBelow ? ["fg-below"] : []
  ];
}
function badgeOf(face, state) {
  if (face.isOdd) return "odd one?";
  const alike = state.found ? face.likeness : state.query.place === "unconfirmed" ? face.similarity : null;
  return alike != null && state.tile >= 64 ? similarity(alike) : "";
}
function captionOf(face, state) {
  const isOne = state.query.personId !== void 0 && !state.found;
  return !isOne && state.tile >= CAPTION_FROM_PX ? face.personName ?? "" : "";
}
function spoken(face, marks) {
  const who = face.personName ?? "no name";
  const how = { open: "", confirmed: "confirmed", recognised: "named by the machine", dismissed: "ignored" }[face.state];
  const facts2 = [
    who,
    how,
    face.similarity === null ? "" : `similarity ${similarity(face.similarity)}`,
    face.takenAt !== null ? day(face.takenAt) : "",
    face.isOdd ? "odd one?" : "",
    marks.includes("fg-below") ? "below the threshold" : ""
  ];
  return facts2.filter(Boolean).join(", ");
}
function hint(face) {
  const quality = face.quality === null ? "" : `quality ${face.quality.toFixed(2)}`;
  return [spoken(face, []), quality, `${Math.round(face.size)} px`].filter(Boolean).join(" · ");
}

// src/grid.ts
var SPARE_ROWS = 3;
var FETCH_EVERY_MS = 50;
var DRAG_FROM_PX = 6;
var EDGE_PX = 24;
var GridView = class {
  constructor(box, desk) {
    this.box = box;
    this.desk = desk;
    this.sheet.className = "fg-sheet";
    this.sheet.setAttribute("role", "rowgroup");
    this.band.className = "fg-band";
    this.band.setAttribute("aria-hidden", "true");
    this.band.hidden = true;
    box.append(this.sheet);
    this.paint = new Paint(desk);
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(box);
    this.off = [
      desk.store.subscribe(() => this.draw()),
      desk.pictures.onPictures((ids) => this.paint.pictures(ids))
    ];
    box.addEventListener("scroll", this.draw, { passive: true });
    box.addEventListener("pointerdown", this.pointerdown);
    box.addEventListener("click", this.click);
    box.addEventListener("dblclick", this.dblclick);
    box.addEventListener("wheel", this.wheel, { passive: false });
    this.draw();
  }
  box;
  desk;
  layout = layOut(0, 112, 600);
  sheet = document.createElement("div");
  band = document.createElement("div");
  rows = /* @__PURE__ */ new Map();
  spare = [];
  paint;
  sizes;
  off;
  frame = 0;
  fetching;
  shown = null;
  // the pages that are drawn
  drag = null;
  close() {
    this.sizes.disconnect();
    this.off.forEach((off) => off());
    cancelAnimationFrame(this.frame);
    clearTimeout(this.fetching);
    this.stopDragging();
    this.box.replaceChildren();
  }
  /** The tile that has the keyboard gets the browser's focus. */
  focus() {
    this.now();
    const tile = this.tileAt(this.desk.state.selection.at);
    (tile ?? this.box).focus({ preventScroll: true });
  }
  /** Go where a key leads, and draw a range where it extends. */
  async move(key, isExtending) {
    const { selection, pages } = this.desk.state;
    if (!pages.total) return;
    const pageRows = Math.max(1, Math.floor(this.box.clientHeight / this.layout.pitch));
    const to = step(key, selection.at, pages.total, this.layout.columns, pageRows);
    this.box.scrollTop = scrollTo(this.layout, Math.floor(to / this.layout.columns), this.box.scrollTop, this.box.clientHeight);
    if (isExtending) await this.desk.extendTo(to);
    else this.desk.choose(move(selection, to));
    this.focus();
  }
  // --- drawing
  draw = () => {
    this.frame ||= requestAnimationFrame(() => this.now());
  };
  now() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const hasKeyboard = this.box.contains(document.activeElement);
    const { pages, tile, selection } = this.desk.state;
    const { clientHeight: height } = this.box;
    const width = this.sheet.clientWidth;
    const layout = layOut(pages.total, tile, width);
    const isAnew = layout.columns !== this.layout.columns || layout.pitch !== this.layout.pitch || this.shown !== pages;
    if (this.shown !== pages) this.box.scrollTop = this.topFor(layout, selection.at);
    else if (layout.pitch !== this.layout.pitch) this.keepInSight(layout, height);
    this.layout = layout;
    this.shown = pages;
    if (isAnew) this.letGo(() => true);
    this.sheet.style.height = `${layout.height}px`;
    this.sheet.style.setProperty("--fg-tile", `${layout.tile}px`);
    this.box.setAttribute("aria-rowcount", String(layout.rows));
    this.box.setAttribute("aria-colcount", String(layout.columns));
    this.place(height);
    if (hasKeyboard && document.activeElement === this.box) this.tileAt(selection.at)?.focus({ preventScroll: true });
  }
  place(height) {
    const { layout, box } = this;
    const top = box.scrollTop;
    const { from, to } = visibleRows(layout, top, height, SPARE_ROWS);
    const active = Math.floor(this.desk.state.selection.at / layout.columns);
    this.letGo((row) => (row < from || row >= to) && row !== active);
    for (let row = from; row < to; row++) this.placeRow(row, top, height);
    if (active < layout.rows && (active < from || active >= to)) this.placeRow(active, top, height);
    this.paint.all([...this.rows.values()].flatMap((row) => row.tiles));
    this.want(from, to, top, height);
  }
  placeRow(number2, top, height) {
    const row = this.rows.get(number2) ?? this.newRow(number2);
    row.element.style.transform = `translateY(${topOf(this.layout, number2, top, height)}px)`;
  }
  newRow(number2) {
    const row = this.spare.pop() ?? { element: document.createElement("div"), tiles: [] };
    row.element.className = "fg-row-of-tiles";
    row.element.setAttribute("role", "row");
    row.element.setAttribute("aria-rowindex", String(number2 + 1));
    const first = number2 * this.layout.columns;
    const count = Math.min(this.layout.columns, this.desk.state.pages.total - first);
    while (row.tiles.length < count) {
      const tile = this.paint.make();
      row.tiles.push(tile);
      row.element.append(tile);
    }
    row.tiles.splice(count).forEach((tile) => tile.remove());
    row.tiles.forEach((tile, column) => this.paint.assign(tile, first + column, column + 1));
    if (!row.element.isConnected) this.sheet.append(row.element);
    this.rows.set(number2, row);
    return row;
  }
  letGo(isGone) {
    for (const [number2, row] of this.rows) {
      if (!isGone(number2)) continue;
      this.rows.delete(number2);
      if (row.element.contains(document.activeElement)) this.box.focus({ preventScroll: true });
      row.element.remove();
      this.paint.forget(row.tiles);
      if (this.spare.length < 40) this.spare.push(row);
    }
  }
  /** Ask for the tiles and pictures in sight, at a measured pace while it scrolls. */
  want(from, to, top, height) {
    const { pages, tile } = this.desk.state;
    const { columns } = this.layout;
    const sight = visibleRows(this.layout, top, height, 0);
    const ids = (first, last) => Array.from({ length: Math.max(0, last - first) * columns }, (_3, place) => pages.at(first * columns + place)?.faceId ?? "").filter(Boolean);
    if (this.desk.pictures.showAt(tile * devicePixelRatio)) this.paint.all([...this.rows.values()].flatMap((row) => row.tiles));
    this.desk.pictures.want([...ids(sight.from, sight.to), ...ids(from, sight.from), ...ids(sight.to, to)]);
    this.fetching ??= setTimeout(() => {
      this.fetching = void 0;
      void this.fetchInSight();
    }, FETCH_EVERY_MS);
  }
  async fetchInSight() {
    const { pages } = this.desk.state;
    const { from, to } = visibleRows(this.layout, this.box.scrollTop, this.box.clientHeight, SPARE_ROWS);
    const [first, last] = [from * this.layout.columns, Math.min(to * this.layout.columns, pages.total)];
    const isMissing = Array.from({ length: Math.max(0, last - first) }, (_3, place) => pages.at(first + place)).some((tile) => !tile);
    if (!isMissing) return;
    await this.desk.guarded(() => pages.ensure(first, last));
    this.draw();
  }
  topFor(layout, at) {
    return at ? scrollTo(layout, Math.floor(at / layout.columns), this.box.scrollTop, this.box.clientHeight) : 0;
  }
  keepInSight(layout, height) {
    const first = visibleRows(this.layout, this.box.scrollTop, height, 0).from * this.layout.columns;
    this.sheet.style.height = `${layout.height}px`;
    this.box.scrollTop = Math.floor(first / layout.columns) * layout.pitch / layout.scale;
  }
  tileAt(index) {
    const row = this.rows.get(Math.floor(index / this.layout.columns));
    return row?.tiles[index % this.layout.columns];
  }
  // --- the mouse
  click = (event) => {
    const tile = event.target.closest(".fg-tile");
    const { selection } = this.desk.state;
    if (!tile?.dataset["face"] || tile.face === void 0) return this.desk.choose(clear(selection));
    if (event.shiftKey) void this.desk.extendTo(tile.face);
    else if (event.ctrlKey || event.metaKey) this.desk.choose(toggle(selection, tile.face, tile.dataset["face"]));
    else this.desk.choose(only(tile.face, tile.dataset["face"]));
    tile.focus({ preventScroll: true });
  };
  dblclick = (event) => {
    const tile = event.target.closest(".fg-tile");
    const found = tile?.face === void 0 ? void 0 : this.desk.state.pages.at(tile.face);
    if (found) this.desk.store.set({ photo: { assetId: found.assetId, faceId: found.faceId } });
  };
  wheel = (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.desk.setTile(this.desk.state.tile * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
  };
  pointerdown = (event) => {
    const isOnBar = event.offsetX > this.box.clientWidth && event.target === this.box;
    if (event.button !== 0 || event.pointerType === "touch" || isOnBar) return;
    const { x: x2, y: y3 } = this.pointIn(event);
    this.drag = { x: x2, y: y3, isOn: false, isAdding: event.ctrlKey || event.metaKey || event.shiftKey };
    window.addEventListener("pointermove", this.pointermove);
    window.addEventListener("pointerup", this.pointerup);
    window.addEventListener("pointercancel", this.pointerup);
  };
  pointermove = (event) => {
    if (!this.drag) return;
    const to = this.pointIn(event);
    if (!this.drag.isOn && Math.hypot(to.x - this.drag.x, to.y - this.drag.y) < DRAG_FROM_PX) return;
    this.drag.isOn = true;
    const rect = this.box.getBoundingClientRect();
    if (event.clientY > rect.bottom - EDGE_PX) this.box.scrollTop += EDGE_PX;
    if (event.clientY < rect.top + EDGE_PX) this.box.scrollTop -= EDGE_PX;
    this.drawBand(to);
  };
  drawBand(to) {
    if (!this.drag) return;
    const { x: x2, y: y3 } = this.drag;
    const band2 = { left: Math.min(x2, to.x), right: Math.max(x2, to.x), top: Math.min(y3, to.y), bottom: Math.max(y3, to.y) };
    Object.assign(this.band.style, {
      transform: `translate(${band2.left}px, ${band2.top}px)`,
      width: `${band2.right - band2.left}px`,
      height: `${band2.bottom - band2.top}px`
    });
    this.band.hidden = false;
    if (!this.band.isConnected) this.sheet.append(this.band);
    const { pages, selection } = this.desk.state;
    const ids = within(this.layout, pages.total, band2).map((at) => pages.at(at)?.faceId).filter((id) => id !== void 0);
    this.desk.choose(band(selection, ids, this.drag.isAdding));
  }
  pointerup = () => {
    const wasOn = this.drag?.isOn;
    this.stopDragging();
    if (!wasOn) return;
    window.addEventListener("click", (event) => event.stopPropagation(), { capture: true, once: true });
    setTimeout(() => this.focus());
  };
  stopDragging() {
    this.drag = null;
    this.band.hidden = true;
    this.band.remove();
    window.removeEventListener("pointermove", this.pointermove);
    window.removeEventListener("pointerup", this.pointerup);
    window.removeEventListener("pointercancel", this.pointerup);
  }
  pointIn(event) {
    const rect = this.sheet.getBoundingClientRect();
    return { x: event.clientX - rect.left, y: event.clientY - rect.top };
  }
};

// src/days.tsx
var AT_ONCE = 200;
function Days({ desk, stage }) {
  const [found, setFound] = d2(null);
  const more = () => void desk.guarded(() => desk.api.groups({ place: "all" }, "day", "newest", found?.groups.length ?? 0, AT_ONCE)).then((next3) => next3 && setFound({ total: next3.total, groups: [...found?.groups ?? [], ...next3.groups] })).then(() => !found && stage.focusGrid());
  A2(more, []);
  const groups = (found?.groups ?? []).filter((group) => group.day);
  return /* @__PURE__ */ a3("div", { class: "fg-view", tabIndex: -1, children: [
    /* @__PURE__ */ a3("header", { class: "fg-head", children: /* @__PURE__ */ a3("div", { class: "fg-title", children: [
      /* @__PURE__ */ a3("h1", { children: "Events" }),
      /* @__PURE__ */ a3("p", { children: found ? `${number(groups.length)} days` : "" })
    ] }) }),
    /* @__PURE__ */ a3("div", { class: "fg-stage", children: /* @__PURE__ */ a3("div", { class: "fg-cards-box", children: [
      found && !groups.length && /* @__PURE__ */ a3("p", { class: "fg-nothing", children: "No photo says when it was taken." }),
      /* @__PURE__ */ a3("ul", { class: "fg-cards", "aria-label": "Days", children: groups.map((group) => /* @__PURE__ */ a3("li", { children: /* @__PURE__ */ a3("button", { type: "button", class: "fg-card", "data-day": group.key, onClick: () => void desk.openDay(group.key).then(() => stage.focusGrid()), children: [
        /* @__PURE__ */ a3(Portrait, { desk, faceId: group.cover[0] }),
        /* @__PURE__ */ a3("b", { children: day(group.key) }),
        /* @__PURE__ */ a3("small", { children: counted(group.faces) })
      ] }) }, group.key)) }),
      found && found.groups.length < found.total && /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", onClick: more, children: [
        "Show more of ",
        number(found.total)
      ] })
    ] }) })
  ] });
}

// src/decisions.ts
var REVIEW = "review";
var PART_SIZES = [3, 2];
var TAKES_ONE = ["reject", "restore", "unassign"];
var ONE_BY_ONE = 1e3;
var Decisions = class {
  constructor(desk) {
    this.desk = desk;
  }
  desk;
  done = [];
  undone = [];
  get canRedo() {
    return this.undone.length > 0;
  }
  /** Give what is chosen, or all that is shown, to a person. */
  async name(who) {
    const isKnown = this.desk.state.names.some((known) => known.name === who.name);
    const given2 = "personId" in who ? { personId: who.personId } : { name: who.name };
    const out = leftOut(this.desk.state);
    const isDone = await this.decide({ action: "name", ...given2, ...out.length && { leftOutIds: out } }, (report) => {
      const name = report.personName ?? who.name;
      return `${counted(report.facesChanged)}: ${name}${out.length ? `; ${counted(out.length)} not ${name}` : ""}`;
    });
    if (isDone && !isKnown) await this.desk.refreshNames();
    return isDone;
  }
  /** The machine's names become a person's: of what is chosen, or of all that is not below the threshold. */
  async confirm() {
    const { threshold, selection } = this.desk.state;
    const bound = threshold !== null && isEmpty(selection) ? { minSimilarity: threshold } : {};
    return this.decide({ action: "confirm" }, (report) => `${counted(report.facesChanged)} confirmed`, bound);
  }
  /** Not this person: what is chosen, or what is below the threshold. */
  async reject(below = false) {
    const { state } = this.desk;
    if (!below && isEmpty(state.selection) && !this.takesAtTile()) return this.refuse("select the faces that are somebody else");
    const bound = below && state.threshold !== null ? { maxSimilarity: justBelow(state.threshold) } : {};
    const suggested = state.query.place === "to_name" ? state.suggestions[0] : void 0;
    if (state.query.place === "to_name" && !suggested?.isLikely) return this.refuse("nobody is suggested whom this could not be");
    const names2 = new Set(this.desk.chosen().map((tile) => tile.personName));
    const name = suggested?.personName ?? (state.query.personId ? openGroup(state)?.label : names2.size === 1 ? [...names2][0] : void 0);
    return this.decide({ action: "reject", ...suggested && { personId: suggested.personId } }, (report) => `${counted(report.facesChanged)}: not ${name ?? "them"}`, bound);
  }
  async dismiss(as) {
    const label = as === "stranger" ? "ignored as strangers" : "ignored: not a face";
    return this.decide({ action: "dismiss", dismissedAs: as }, (report) => `${counted(report.facesChanged)} ${label}`);
  }
  async restore() {
    if (isEmpty(this.desk.state.selection) && !this.takesAtTile()) return this.refuse("select the faces to bring back");
    return this.decide({ action: "restore" }, (report) => `${counted(report.facesChanged)} brought back`);
  }
  /** They have no name then, and are asked about again. */
  async unassign() {
    if (isEmpty(this.desk.state.selection) && !this.takesAtTile()) return this.refuse("select the faces to take away");
    return this.decide({ action: "unassign" }, (report) => `${counted(report.facesChanged)} taken away; they have no name now`);
  }
  /** Show what a split would make; nothing is done. */
  async previewSplit() {
    const { desk } = this;
    const { query, isBusy } = desk.state;
    const { clusterId } = query;
    if (!clusterId || isBusy) return;
    desk.store.set({ isBusy: true });
    const found = await desk.guarded(() => this.partsOf(clusterId));
    desk.store.set({ isBusy: false });
    if (found === null || desk.state.query !== query) return;
    if (found === void 0) desk.store.tell("It does not fall apart: select some of the faces instead");
    else desk.store.set({ split: found });
  }
  /** Undefined where there is one part only. */
  async partsOf(clusterId) {
    for (const size of PART_SIZES) {
      const split = await this.desk.api.splitPreview(clusterId, size);
      if (split.parts.length > 1) return split;
    }
    return void 0;
  }
  async split() {
    const { desk } = this;
    const { split, query } = desk.state;
    if (!split) return;
    let parts = [];
    const isDone = await this.other(`Split into ${split.parts.length} parts`, async () => {
      const report = await desk.api.split(split.clusterId, split.minClusterSize);
      parts = report.newClusters;
      return report;
    });
    desk.store.set({ split: null });
    if (isDone && parts[0]) await desk.visit({ ...query, clusterId: parts[0] });
  }
  /** One face is the person's picture from now on. */
  async cover() {
    const [face, ...more] = this.meant();
    const personId = face?.personId;
    if (!face || !personId || more.length) return this.refuse("select the one face that is to be the portrait");
    return this.other(`Portrait of ${face.personName}`, () => this.desk.api.cover(personId, face.faceId));
  }
  /** Some faces are those that their person is recognised by. */
  async exemplars() {
    const faces = this.meant();
    const personId = faces[0]?.personId;
    if (!personId || faces.some((face) => face.personId !== personId)) return this.refuse("select faces of one person");
    const ids = faces.map((face) => face.faceId);
    return this.other(`${faces[0].personName} is recognised by ${counted(ids.length)}`, () => this.desk.api.exemplars(personId, ids));
  }
  /** A decision about a person or a box rather than about the grid's faces. */
  async other(text, act2) {
    const { desk } = this;
    if (desk.state.isBusy) return false;
    desk.store.set({ isBusy: true });
    const report = await desk.guarded(act2);
    desk.store.set({ isBusy: false });
    if (!report) return false;
    const eventId = report.eventId;
    if (eventId) this.remember({ eventIds: [eventId], query: desk.state.query, text });
    await Promise.all([desk.refresh(), desk.refreshNames()]);
    desk.store.tell(text, "done");
    return true;
  }
  /** Take the last decision back: one of this session's, else the latest that stands. */
  async undo() {
    await this.turnBack(async () => {
      const was = this.done.at(-1);
      const reports = [];
      for (const eventId of was ? [...was.eventIds].reverse() : [void 0]) reports.push(await this.desk.api.undo(eventId));
      this.done.pop();
      if (was) this.undone.push({ undoIds: reports.map((report) => report.eventId), was });
      return { text: `Undone: ${was?.text ?? reports[0]?.kind}`, was };
    });
  }
  async redo() {
    const last = this.undone.at(-1);
    if (!last) return this.desk.store.tell("Nothing is left to do again");
    await this.turnBack(async () => {
      for (const undoId of [...last.undoIds].reverse()) await this.desk.api.undo(undoId);
      this.undone.pop();
      this.done.push(last.was);
      return { text: `Done again: ${last.was.text}` };
    });
  }
  async turnBack(act2) {
    const { desk } = this;
    if (desk.state.isBusy) return;
    desk.store.set({ isBusy: true });
    const found = await desk.guarded(act2);
    desk.store.set({ isBusy: false });
    if (!found) return;
    await Promise.all([desk.refreshPlaces(), desk.refreshNames(), this.showAgain(found.was)]);
    desk.store.tell(found.text, "done");
  }
  async showAgain(was) {
    const { desk } = this;
    if (was?.question) {
      desk.questions.again(was.question);
      desk.openView(REVIEW);
    } else if (was) {
      desk.store.set({ view: null });
      await desk.visit(was.query);
    } else await desk.refresh(false);
  }
  async decide(decision, said, bound = {}) {
    const { desk } = this;
    const { state } = desk;
    if (state.isBusy || state.isLoading) return false;
    const problem = whyNot(state, decision, bound);
    if (problem) return this.refuse(problem);
    desk.store.set({ isBusy: true });
    try {
      const target = await this.target(state, decision, bound);
      const revision = state.pages.revision ? { revision: state.pages.revision } : {};
      const report = await desk.api.decide({ ...decision, ...target, ...revision });
      const text = [said(report), ...report.notes].join("; ");
      if (report.eventId) this.remember({ eventIds: [report.eventId], query: state.query, text });
      desk.store.set({ isBusy: false, typed: "", picked: -1 });
      await this.goOn(state);
      desk.store.tell(text, "done");
      return true;
    } catch (error) {
      desk.store.set({ isBusy: false });
      await this.explain(error);
      return false;
    }
  }
  /** Which faces: by id where they are few, else by what describes them. */
  async target(state, decision, bound) {
    const { selection, pages } = state;
    const takesOne = isEmpty(selection) && TAKES_ONE.includes(decision.action) && !Object.keys(bound).length;
    const at = pages.at(selection.at);
    if (takesOne && at) return { faceIds: [at.faceId] };
    if (!isEmpty(selection) && !selection.isAll) return { faceIds: [...selection.ids] };
    if (!Object.keys(bound).length && pages.total <= ONE_BY_ONE) {
      const shown = await pages.idsBetween(0, pages.total - 1);
      return { faceIds: shown.filter((id) => !selection.ids.has(id)) };
    }
    return { query: { ...state.query, ...bound }, exceptIds: [...selection.ids] };
  }
  /** What is selected and at hand, else the tile that has the keyboard. */
  meant() {
    const { selection, pages } = this.desk.state;
    const at = pages.at(selection.at);
    return isEmpty(selection) ? at ? [at] : [] : this.desk.chosen();
  }
  /** Whether a decision about one face is meant for the tile that has the keyboard. */
  takesAtTile() {
    const { selection, pages } = this.desk.state;
    return pages.at(selection.at) !== void 0;
  }
  async goOn(before) {
    const { desk } = this;
    const isWholeGroup = groupKey(before.query) !== void 0 && isEmpty(before.selection) && before.threshold === null;
    const next3 = isWholeGroup ? before.groups[before.groups.findIndex((group) => group.key === groupKey(before.query)) + 1] : void 0;
    desk.store.set({ selection: { ...desk.state.selection, ids: /* @__PURE__ */ new Set(), isAll: false, base: /* @__PURE__ */ new Set() } });
    if (!next3 || before.query.place === "people" || before.query.place === "hidden") return desk.refresh();
    const rest = before.groups.filter((group) => group.key !== groupKey(before.query));
    desk.store.set({ groups: rest, groupsTotal: before.groupsTotal - 1 });
    await desk.openGroup(next3.key);
    void desk.refresh();
  }
  async explain(error) {
    const changed = error instanceof Refused && Array.isArray(error.details["changedFaceIds"]) ? error.details["changedFaceIds"] : [];
    if (changed.length) await this.desk.refresh();
    const stale = `Nothing was done: somebody else has just changed ${counted(changed.length)} of these. This is how they are now.`;
    this.desk.store.tell(changed.length ? stale : error instanceof Error ? error.message : String(error), "problem");
  }
  remember(decision) {
    const { store, state } = this.desk;
    store.set({ latestEvent: Math.max(state.latestEvent, ...decision.eventIds) });
    this.done.push(decision);
    this.undone = [];
  }
  refuse(why) {
    this.desk.store.tell(why, "problem");
    return false;
  }
};
function whyNot(state, decision, bound) {
  const { selection, pages, query } = state;
  if (!pages.total) return "there is no face here";
  if (selection.isAll && countOf(selection, pages.total) === 0) return "no face is selected";
  if (!isEmpty(selection) || Object.keys(bound).length) return "";
  const isGroup = (query.place === "to_name" || query.place === "unconfirmed") && groupKey(query) !== void 0 && !state.found;
  if (isGroup || TAKES_ONE.includes(decision.action)) return "";
  return "select the faces first: a click, Shift and an arrow, or Ctrl+A for all";
}
function leftOut({ query, selection }) {
  return query.place === "to_name" && selection.isAll ? [...selection.ids] : [];
}
function justBelow(value) {
  return value - 1e-7;
}

// src/plane.ts
var WHOLE = { zoom: 1, x: 0.5, y: 0.5 };
var MOST_ZOOM = 40;
var MARGIN_PX = 24;
var MOST_STRETCHED = 2;
function sides(width, height, lens) {
  const [x2, y3] = [Math.max(40, width - 2 * MARGIN_PX), Math.max(40, height - 2 * MARGIN_PX)];
  return { x: Math.min(x2, MOST_STRETCHED * y3) * lens.zoom, y: Math.min(y3, MOST_STRETCHED * x2) * lens.zoom };
}
function toScreen(point, width, height, lens) {
  const px = sides(width, height, lens);
  return { x: width / 2 + (point.x - lens.x) * px.x, y: height / 2 + (point.y - lens.y) * px.y };
}
function toPlane(point, width, height, lens) {
  const px = sides(width, height, lens);
  return { x: lens.x + (point.x - width / 2) / px.x, y: lens.y + (point.y - height / 2) / px.y };
}
function zoomed(lens, factor, at, width, height) {
  const zoom = Math.min(MOST_ZOOM, Math.max(1, lens.zoom * factor));
  if (zoom === 1) return WHOLE;
  const fixed = toPlane(at, width, height, lens);
  const moved2 = toPlane(at, width, height, { ...lens, zoom });
  return { zoom, x: lens.x + fixed.x - moved2.x, y: lens.y + fixed.y - moved2.y };
}
function inside(xs, ys, line) {
  if (line.length < 3) return [];
  const [left, right] = [Math.min(...line.map((point) => point.x)), Math.max(...line.map((point) => point.x))];
  const found = [];
  for (let row = 0; row < xs.length; row++) {
    const [x2, y3] = [xs[row], ys[row]];
    if (x2 >= left && x2 <= right && isInside(x2, y3, line)) found.push(row);
  }
  return found;
}
function isInside(x2, y3, line) {
  let odd = false;
  for (let at = 0, before = line.length - 1; at < line.length; before = at++) {
    const [one, other] = [line[at], line[before]];
    if (one.y > y3 !== other.y > y3 && x2 < (other.x - one.x) * (y3 - one.y) / (other.y - one.y) + one.x) odd = !odd;
  }
  return odd;
}
function nearest(xs, ys, at, within2) {
  let best = 1;
  let found = -1;
  for (let row = 0; row < xs.length; row++) {
    const distance = ((xs[row] - at.x) / within2.x) ** 2 + ((ys[row] - at.y) / within2.y) ** 2;
    if (distance <= best) {
      best = distance;
      found = row;
    }
  }
  return found;
}
function placed(groups, widthOf, height) {
  const labels = [];
  groups.forEach(({ text, x: x2, y: y3 }, row) => {
    const width = widthOf(text);
    for (const [dx, dy] of [[-width / 2, -height - 6], [-width / 2, 6], [8, -height / 2], [-width - 8, -height / 2]]) {
      const label = { text, x: x2 + dx, y: y3 + dy, width, row };
      const isFree = labels.every((other) => label.x > other.x + other.width + 4 || other.x > label.x + width + 4 || label.y > other.y + height || other.y > label.y + height);
      if (!isFree) continue;
      labels.push(label);
      return;
    }
  });
  return labels;
}
function spans(days, most = 90) {
  const first = days[0]?.day;
  const last = days.at(-1)?.day;
  if (!first || !last) return [];
  const lengthDays = (Date.parse(last) - Date.parse(first)) / 864e5 + 1;
  const letters = lengthDays <= most ? 10 : lengthDays / 30.5 <= most ? 7 : 4;
  const sums = /* @__PURE__ */ new Map();
  for (let key = first.slice(0, letters); key <= last.slice(0, letters); key = next(key)) sums.set(key, 0);
  for (const { day: day2, faces } of days) sums.set(day2.slice(0, letters), (sums.get(day2.slice(0, letters)) ?? 0) + faces);
  return [...sums].map(([key, faces]) => ({ key, faces, since: start(key), until: end(key) }));
}
function start(key) {
  return `${key}${"-01-01".slice(key.length - 4)}`;
}
function end(key) {
  const after2 = new Date(start(next(key)));
  return new Date(after2.getTime() - 864e5).toISOString().slice(0, 10);
}
function next(key) {
  const moment = /* @__PURE__ */ new Date(`${start(key)}T00:00:00Z`);
  if (key.length === 10) moment.setUTCDate(moment.getUTCDate() + 1);
  else if (key.length === 7) moment.setUTCMonth(moment.getUTCMonth() + 1);
  else moment.setUTCFullYear(moment.getUTCFullYear() + 1);
  return moment.toISOString().slice(0, key.length);
}

// src/canvas.ts
var COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#9467bd", "#a6761d"];
var LABEL_PX = 13;
function draw(canvas, { map, lens, chosen, lasso, hovered }) {
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim();
  const [ink, card, muted, accent] = ["--fg-ink", "--fg-card", "--fg-muted", "--fg-accent"].map(colour);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const radius = Math.max(1.6, Math.min(5, 3.2 * Math.sqrt(lens.zoom) * Math.sqrt(2e3 / Math.max(2e3, map.x.length))));
  const dot = (row, size) => {
    const at = toScreen({ x: map.x[row], y: map.y[row] }, width, height, lens);
    if (at.x < -9 || at.y < -9 || at.x > width + 9 || at.y > height + 9) return;
    pen.moveTo(at.x + size, at.y);
    pen.arc(at.x, at.y, size, 0, 2 * Math.PI);
  };
  byColour(map).forEach((rows, place) => {
    pen.beginPath();
    rows.forEach((row) => dot(row, place < 0 ? radius * 0.8 : radius));
    pen.fillStyle = place < 0 ? muted : COLOURS[place];
    pen.globalAlpha = chosen.size ? 0.35 : place < 0 ? 0.6 : 0.9;
    pen.fill();
  });
  pen.globalAlpha = 1;
  pen.beginPath();
  chosen.forEach((row) => dot(row, radius + 1));
  pen.fillStyle = accent;
  pen.fill();
  pen.lineWidth = 1;
  pen.strokeStyle = ink;
  pen.stroke();
  if (hovered >= 0) {
    pen.beginPath();
    dot(hovered, radius + 4);
    pen.lineWidth = 2;
    pen.strokeStyle = ink;
    pen.stroke();
  }
  names(pen, map, width, height, lens, ink, card);
  outline(pen, lasso, accent);
}
function byColour(map) {
  const found = /* @__PURE__ */ new Map([[-1, []]]);
  map.groups.forEach((group, row) => {
    const place = group < 0 ? -1 : group % COLOURS.length;
    const rows = found.get(place);
    if (rows) rows.push(row);
    else found.set(place, [row]);
  });
  return found;
}
function names(pen, map, width, height, lens, ink, card) {
  pen.font = `600 ${LABEL_PX - 1}px system-ui, sans-serif`;
  pen.textBaseline = "top";
  const groups = map.largest.map((group) => ({ text: nameOf(group), ...toScreen(group, width, height, lens) }));
  const inSight = groups.filter((group) => group.x > 0 && group.y > 0 && group.x < width && group.y < height);
  pen.lineJoin = "round";
  for (const label of placed(inSight, (text) => pen.measureText(text).width, LABEL_PX + 2)) {
    pen.lineWidth = 3;
    pen.strokeStyle = card;
    pen.strokeText(label.text, label.x, label.y);
    pen.fillStyle = ink;
    pen.fillText(label.text, label.x, label.y);
  }
}
function outline(pen, lasso, accent) {
  if (lasso.length < 2) return;
  pen.beginPath();
  lasso.forEach((point, at) => at ? pen.lineTo(point.x, point.y) : pen.moveTo(point.x, point.y));
  pen.closePath();
  pen.strokeStyle = accent;
  pen.lineWidth = 1.5;
  pen.stroke();
  pen.globalAlpha = 0.12;
  pen.fillStyle = accent;
  pen.fill();
  pen.globalAlpha = 1;
}
function nameOf(group) {
  return group.isPerson ? group.label : `${number(group.faces)} faces`;
}

// src/explore.tsx
var BINS = 40;
var MOST_CHOSEN = 1e4;
var PREVIEWED = 10;
var HOVER_PX = 12;
function Explore({ desk, stage }) {
  const [query, setQuery] = d2(() => withGroup(desk.state.query, void 0));
  const [map, setMap] = d2(null);
  const [rows, setRows] = d2([]);
  A2(() => {
    setMap(null);
    setRows([]);
    let isWanted = true;
    void desk.guarded(() => desk.api.map(query)).then((found) => isWanted && found && setMap(found));
    return () => void (isWanted = false);
  }, [query]);
  const show = async () => {
    const ids = rows.slice(0, MOST_CHOSEN).map((row) => map.faceIds[row]);
    const found = await desk.guarded(() => desk.api.tiles(ids));
    if (!found) return;
    desk.showFaces(found.faces, `${counted(found.faces.length)} from the map, all selected: type a name. Esc goes back.`);
    setTimeout(() => {
      desk.choose(band(desk.state.selection, found.faces.map((face) => face.faceId), false));
      stage.focusGrid();
    });
  };
  const filter = async (change) => {
    desk.store.set({ view: null });
    await desk.visit({ ...query, ...change });
    stage.focusGrid();
  };
  return /* @__PURE__ */ a3("div", { class: "fg-view fg-explore", tabIndex: -1, "data-busy": map ? void 0 : "", children: [
    /* @__PURE__ */ a3("header", { class: "fg-head", children: [
      /* @__PURE__ */ a3("div", { class: "fg-title", children: [
        /* @__PURE__ */ a3("h1", { children: "Map" }),
        /* @__PURE__ */ a3("p", { children: map ? facts(map) : "Placing the faces …" })
      ] }),
      /* @__PURE__ */ a3("div", { class: "fg-tools", children: [
        /* @__PURE__ */ a3("select", { class: "fg-field", "aria-label": "Which faces", value: query.place, onChange: (event) => setQuery({ place: event.currentTarget.value }), children: PLACES.map((place) => /* @__PURE__ */ a3("option", { value: place, children: LABELS[place] }, place)) }),
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button fg-main-button", "data-action": "show", disabled: !rows.length, onClick: () => void show(), children: rows.length ? `Show ${counted(Math.min(rows.length, MOST_CHOSEN))}` : "Draw round faces" })
      ] })
    ] }),
    /* @__PURE__ */ a3("div", { class: "fg-explore-body", children: [
      /* @__PURE__ */ a3(MapCanvas, { desk, map, rows, choose: setRows }),
      /* @__PURE__ */ a3("aside", { class: "fg-explore-side", children: [
        /* @__PURE__ */ a3(Chosen, { desk, map, rows }),
        /* @__PURE__ */ a3(Largest, { map, choose: setRows }),
        /* @__PURE__ */ a3(Bins, { desk, query, filter })
      ] })
    ] }),
    /* @__PURE__ */ a3(Days2, { desk, query, filter })
  ] });
}
function facts(map) {
  const of = map.faceIds.length < map.total ? `${number(map.faceIds.length)} of ${counted(map.total)}, drawn by chance` : counted(map.total);
  return `${of} · neighbours look alike, larger distances mean little`;
}
function MapCanvas({ desk, map, rows, choose }) {
  const canvas = T2(null);
  const [lens, setLens] = d2(WHOLE);
  const [lasso, setLasso] = d2([]);
  const [hovered, setHovered] = d2(-1);
  const [, resized] = d2(0);
  A2(() => setLens(WHOLE), [map]);
  A2(() => {
    const observer = new ResizeObserver(() => resized((count) => count + 1));
    if (canvas.current) observer.observe(canvas.current);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => resized((count) => count + 1);
    dark.addEventListener("change", redraw);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", redraw);
    };
  }, []);
  A2(() => {
    if (!canvas.current || !map) return;
    const frame = requestAnimationFrame(() => canvas.current && draw(canvas.current, { map, lens, chosen: new Set(rows), lasso, hovered }));
    return () => cancelAnimationFrame(frame);
  });
  const size = () => [canvas.current?.clientWidth ?? 1, canvas.current?.clientHeight ?? 1];
  const at = (event) => ({ x: event.offsetX, y: event.offsetY });
  const zoom = (factor, where) => setLens((now) => zoomed(now, factor, where ?? { x: size()[0] / 2, y: size()[1] / 2 }, ...size()));
  const finish = () => {
    if (map && lasso.length > 3) choose(inside(map.x, map.y, lasso.map((point) => toPlane(point, ...size(), lens))));
    else if (map && hovered >= 0) choose(groupOf(map, hovered));
    else choose([]);
    setLasso([]);
  };
  const hover = (point) => {
    if (!map) return;
    const [one, other] = [toPlane(point, ...size(), lens), toPlane({ x: point.x + HOVER_PX, y: point.y + HOVER_PX }, ...size(), lens)];
    setHovered(nearest(map.x, map.y, one, { x: other.x - one.x, y: other.y - one.y }));
  };
  const tip = map && hovered >= 0 && !lasso.length ? toScreen({ x: map.x[hovered], y: map.y[hovered] }, ...size(), lens) : null;
  return /* @__PURE__ */ a3("div", { class: "fg-map", children: [
    /* @__PURE__ */ a3(
      "canvas",
      {
        ref: canvas,
        role: "img",
        "aria-label": map ? `Map of ${counted(map.faceIds.length)}; the groups beside it choose the same by keyboard` : "Map",
        onPointerDown: (event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setLasso([at(event)]);
        },
        onPointerMove: (event) => lasso.length ? setLasso([...lasso, at(event)]) : hover(at(event)),
        onPointerUp: () => lasso.length && finish(),
        onPointerLeave: () => setHovered(-1),
        onWheel: (event) => {
          event.preventDefault();
          zoom(Math.exp(-event.deltaY / 300), at(event));
        }
      }
    ),
    tip && map && /* @__PURE__ */ a3("figure", { class: "fg-map-tip", style: { left: `${Math.min(tip.x + 14, size()[0] - 110)}px`, top: `${Math.min(tip.y + 14, size()[1] - 130)}px` }, children: [
      /* @__PURE__ */ a3(Portrait, { desk, faceId: map.faceIds[hovered] }),
      /* @__PURE__ */ a3("figcaption", { children: captionOf2(map, hovered) })
    ] }),
    /* @__PURE__ */ a3("div", { class: "fg-map-zoom", role: "group", "aria-label": "Zoom", children: [
      /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-label": "Nearer", onClick: () => zoom(1.6), children: "+" }),
      /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-label": "Farther", onClick: () => zoom(1 / 1.6), children: "−" }),
      /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", onClick: () => setLens(WHOLE), children: "All" })
    ] })
  ] });
}
function groupOf(map, row) {
  const group = map.groups[row];
  return group < 0 ? [row] : map.groups.flatMap((other, at) => other === group ? [at] : []);
}
function captionOf2(map, row) {
  const group = map.largest[map.groups[row]];
  return group ? nameOf(group) : map.groups[row] < 0 ? "in no group" : "a small group";
}
function Chosen({ desk, map, rows }) {
  if (!map || !rows.length) return /* @__PURE__ */ a3("p", { class: "fg-hint", children: "Draw round faces, or click one for its group; the wheel zooms." });
  const step2 = Math.max(1, Math.floor(rows.length / PREVIEWED));
  const shown = rows.filter((_row, at) => at % step2 === 0).slice(0, PREVIEWED);
  return /* @__PURE__ */ a3("section", { "aria-label": "Chosen faces", children: [
    /* @__PURE__ */ a3("p", { children: [
      counted(rows.length),
      " chosen"
    ] }),
    /* @__PURE__ */ a3("div", { class: "fg-explore-faces", children: shown.map((row) => /* @__PURE__ */ a3(Portrait, { desk, faceId: map.faceIds[row] }, map.faceIds[row])) })
  ] });
}
function Largest({ map, choose }) {
  if (!map?.largest.length) return null;
  const pick = (rank) => choose(map.groups.flatMap((group, row) => group === rank ? [row] : []));
  return /* @__PURE__ */ a3("label", { class: "fg-stacked", children: [
    "Groups, the largest first",
    /* @__PURE__ */ a3("select", { class: "fg-field", onChange: (event) => event.currentTarget.value && pick(Number(event.currentTarget.value)), children: [
      /* @__PURE__ */ a3("option", { value: "", children: "choose one" }),
      map.largest.map((group, rank) => /* @__PURE__ */ a3("option", { value: rank, children: group.isPerson ? `${group.label}, ${group.faces}` : nameOf(group) }, group.key))
    ] })
  ] });
}
var QUANTITIES = [
  { of: "similarity", label: "Similarity", low: "minSimilarity", high: "maxSimilarity" },
  { of: "quality", label: "Quality", low: "minQuality", high: "maxQuality" },
  { of: "size", label: "Size, px", low: "minSize" }
];
function Bins({ desk, query, filter }) {
  const [of, setOf] = d2("quality");
  const [found, setFound] = d2(null);
  const [range, setRange] = d2([0, BINS]);
  A2(() => {
    setFound(null);
    setRange([0, BINS]);
    void desk.guarded(() => desk.api.histogram(query, of, BINS)).then((histogram) => histogram && setFound(histogram));
  }, [query, of]);
  const kind = QUANTITIES.find((quantity) => quantity.of === of);
  const bins = found?.faces ? found.bins : [];
  const [from, to] = range;
  const most = Math.max(1, ...bins.map((bin) => bin.faces));
  const inRange = bins.slice(from, to).reduce((sum, bin) => sum + bin.faces, 0);
  const words = (at) => of === "size" ? number(Math.round(edge(bins, at))) : edge(bins, at).toFixed(2);
  const isAll = from === 0 && to === BINS;
  const open2 = () => filter({
    ...kind.low && from > 0 && { [kind.low]: of === "size" ? Math.round(edge(bins, from)) : edge(bins, from) },
    ...kind.high && to < BINS && { [kind.high]: edge(bins, to) }
  });
  return /* @__PURE__ */ a3("section", { class: "fg-explore-bins", "aria-label": "Histogram", children: [
    /* @__PURE__ */ a3("label", { class: "fg-stacked", children: [
      "How many faces, by",
      /* @__PURE__ */ a3("select", { class: "fg-field", value: of, onChange: (event) => setOf(event.currentTarget.value), children: QUANTITIES.map((quantity) => /* @__PURE__ */ a3("option", { value: quantity.of, children: quantity.label }, quantity.of)) })
    ] }),
    !bins.length ? /* @__PURE__ */ a3("p", { class: "fg-hint", children: found ? "No face here has one." : "…" }) : /* @__PURE__ */ a3($, { children: [
      /* @__PURE__ */ a3("svg", { viewBox: `0 0 ${BINS} 40`, preserveAspectRatio: "none", "aria-hidden": "true", children: bins.map((bin, at) => /* @__PURE__ */ a3(
        "rect",
        {
          x: at + 0.1,
          width: 0.8,
          height: bin.faces ? Math.max(1.2, 38 * bin.faces / most) : 0,
          y: 40 - (bin.faces ? Math.max(1.2, 38 * bin.faces / most) : 0),
          class: at >= from && at < to ? "fg-bin" : "fg-bin-below"
        },
        at
      )) }),
      /* @__PURE__ */ a3(
        "input",
        {
          type: "range",
          min: 0,
          max: BINS - 1,
          value: from,
          "aria-label": `${kind.label} from`,
          "aria-valuetext": words(from),
          onInput: (event) => setRange([Number(event.currentTarget.value), Math.max(to, Number(event.currentTarget.value) + 1)])
        }
      ),
      kind.high && /* @__PURE__ */ a3(
        "input",
        {
          type: "range",
          min: 1,
          max: BINS,
          value: to,
          "aria-label": `${kind.label} up to`,
          "aria-valuetext": words(to),
          onInput: (event) => setRange([Math.min(from, Number(event.currentTarget.value) - 1), Number(event.currentTarget.value)])
        }
      ),
      /* @__PURE__ */ a3("p", { class: "fg-explore-range", children: [
        /* @__PURE__ */ a3("span", { children: [
          words(from),
          " to ",
          words(to)
        ] }),
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", disabled: isAll || !inRange, onClick: () => void open2(), children: [
          "Show ",
          counted(inRange)
        ] })
      ] })
    ] })
  ] });
}
function edge(bins, at) {
  return at < bins.length ? bins[at].low : bins.at(-1).high;
}
function Days2({ desk, query, filter }) {
  const [found, setFound] = d2(null);
  A2(() => {
    setFound(null);
    void desk.guarded(() => desk.api.timeline(query)).then((timeline) => timeline && setFound(timeline));
  }, [query]);
  const parts = spans(found?.days ?? []);
  if (!parts.length) return /* @__PURE__ */ a3("p", { class: "fg-hint fg-timeline-empty", children: found ? "No photo here says when it was taken." : "" });
  const most = Math.max(...parts.map((part) => part.faces));
  const step2 = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const bars = [...event.currentTarget.querySelectorAll("button:enabled")];
    const next3 = by && bars[bars.indexOf(event.target) + by];
    if (!next3) return;
    event.preventDefault();
    event.stopPropagation();
    next3.focus();
  };
  const firstBar = parts.findIndex((part) => part.faces);
  return /* @__PURE__ */ a3("section", { class: "fg-timeline", "aria-label": `Timeline, ${parts[0].key} to ${parts.at(-1).key}`, children: [
    /* @__PURE__ */ a3("div", { class: "fg-timeline-bars", onKeyDown: step2, children: parts.map((part, at) => /* @__PURE__ */ a3(
      "button",
      {
        type: "button",
        disabled: !part.faces,
        tabIndex: at === firstBar ? 0 : -1,
        title: `${part.key}: ${counted(part.faces)}`,
        "aria-label": `${part.key}, ${counted(part.faces)}`,
        onClick: () => void filter({ since: part.since, until: part.until }),
        children: /* @__PURE__ */ a3("span", { style: { height: part.faces ? `${Math.max(4, 100 * part.faces / most)}%` : "0" } })
      },
      part.key
    )) }),
    /* @__PURE__ */ a3("p", { class: "fg-timeline-ends", children: [
      /* @__PURE__ */ a3("span", { children: parts[0].key }),
      found.without > 0 && /* @__PURE__ */ a3("span", { children: [
        counted(found.without),
        " without a date"
      ] }),
      /* @__PURE__ */ a3("span", { children: parts.at(-1).key })
    ] })
  ] });
}

// src/review.tsx
var TOPIC_LABELS = {
  probable: "Probably known",
  same_person: "Same person?",
  intruders: "Intruders",
  close_calls: "Close calls",
  recognised: "Recognised"
};
var SIDE_PX = 150;
function Review({ desk, stage }) {
  const { asking, isBusy } = desk.state;
  const question = asking.questions[0];
  const ask = (work) => void work.then(() => stage.focusGrid());
  A2(() => {
    desk.pictures.showAt(SIDE_PX * devicePixelRatio);
    if (!question) ask(desk.questions.start());
    else stage.focusGrid();
  }, []);
  const look2 = (faceId) => {
    const assetId = faceId === void 0 ? void 0 : asking.photos[faceId];
    if (faceId !== void 0 && assetId !== void 0) desk.store.set({ photo: { assetId, faceId } });
  };
  const keydown = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input")) return;
    const key = event.key.toLowerCase();
    const topic = TOPICS.indexOf(asking.topic) + ({ arrowdown: 1, arrowup: -1 }[key] ?? 0);
    if (key === "y") ask(desk.questions.answer(true));
    else if (key === "n") ask(desk.questions.answer(false));
    else if (key === "arrowright" || key === "s") ask(desk.questions.putAside());
    else if (key === " " && !event.target.matches("button")) look2(question?.one.faceIds[0]);
    else if (key === "arrowdown" || key === "arrowup") ask(desk.questions.turnTo(TOPICS[(topic + TOPICS.length) % TOPICS.length]));
    else return;
    event.preventDefault();
  };
  return /* @__PURE__ */ a3("div", { class: "fg-view fg-review", tabIndex: -1, onKeyDown: keydown, "data-busy": asking.isLoading ? "" : void 0, children: [
    /* @__PURE__ */ a3("header", { class: "fg-head", children: [
      /* @__PURE__ */ a3("div", { class: "fg-title", children: [
        /* @__PURE__ */ a3("h1", { children: question?.text ?? (asking.isLoading ? "Looking …" : "Review") }),
        /* @__PURE__ */ a3("p", { children: [question?.evidence, question?.company, asking.answered > 0 && `${asking.answered} answered`].filter(Boolean).join(" · ") })
      ] }),
      /* @__PURE__ */ a3("div", { class: "fg-tools", role: "group", "aria-label": "What is asked about", children: TOPICS.map((topic) => /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button",
          "data-topic": topic,
          "aria-pressed": topic === asking.topic,
          onClick: () => ask(desk.questions.turnTo(topic)),
          children: TOPIC_LABELS[topic]
        },
        topic
      )) })
    ] }),
    question ? /* @__PURE__ */ a3("div", { class: "fg-sides", children: [
      /* @__PURE__ */ a3(Faces, { desk, side: question.one, look: look2 }),
      /* @__PURE__ */ a3(Faces, { desk, side: question.other, look: look2 })
    ] }) : /* @__PURE__ */ a3("p", { class: "fg-nothing", children: asking.isLoading ? "" : "faceml has no question about this now." }),
    /* @__PURE__ */ a3("div", { class: "fg-bar", children: [
      asking.isNaming && /* @__PURE__ */ a3(NameBoth, { desk, ask }),
      /* @__PURE__ */ a3("div", { class: "fg-actions", children: [
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button fg-main-button", "data-action": "yes", disabled: !question || isBusy, onClick: () => ask(desk.questions.answer(true)), children: [
          "Yes ",
          /* @__PURE__ */ a3("kbd", { children: "Y" })
        ] }),
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button fg-main-button", "data-action": "no", disabled: !question || isBusy, onClick: () => ask(desk.questions.answer(false)), children: [
          "No ",
          /* @__PURE__ */ a3("kbd", { children: "N" })
        ] }),
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "data-action": "later", disabled: !question, onClick: () => ask(desk.questions.putAside()), children: [
          "Later ",
          /* @__PURE__ */ a3("kbd", { children: "→" })
        ] }),
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", disabled: !question, onClick: () => look2(question?.one.faceIds[0]), children: [
          "Photo ",
          /* @__PURE__ */ a3("kbd", { children: "Space" })
        ] }),
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", title: "Questions that were put off come back", onClick: () => ask(desk.questions.start()), children: "Ask again" })
      ] })
    ] })
  ] });
}
function Faces({ desk, side, look: look2 }) {
  return /* @__PURE__ */ a3("section", { class: "fg-half", "aria-label": side.title, children: [
    /* @__PURE__ */ a3("h2", { children: side.title }),
    /* @__PURE__ */ a3("div", { class: "fg-faces", children: side.faceIds.map((faceId, at) => {
      const shots = desk.state.asking.bursts[faceId];
      const which = [`Photo of ${side.title}, face ${at + 1} of ${side.faceIds.length}`, shots && `one of ${shots} nearly the same`];
      return /* @__PURE__ */ a3("button", { type: "button", class: "fg-face", "data-face": faceId, "aria-label": which.filter(Boolean).join(", "), onClick: () => look2(faceId), children: [
        /* @__PURE__ */ a3(Portrait, { desk, faceId }),
        shots && /* @__PURE__ */ a3("span", { class: "fg-times", children: [
          "×",
          shots
        ] })
      ] }, faceId);
    }) })
  ] });
}
function NameBoth({ desk, ask }) {
  const [typed, setTyped] = d2("");
  const found = completions(desk.state.names, typed);
  const name = found[0]?.name ?? typed.replace(/\s+/g, " ").trim();
  const faces = desk.questions.now;
  return /* @__PURE__ */ a3("form", { class: "fg-answer", "aria-label": "Who is it?", onSubmit: (event) => (event.preventDefault(), name && ask(desk.questions.answer(true, name))), children: [
    /* @__PURE__ */ a3(
      "input",
      {
        class: "fg-entry",
        type: "text",
        "aria-label": "Name of this person",
        placeholder: "Who is it?",
        value: typed,
        autocomplete: "off",
        ref: (input) => {
          if (input && !typed) input.focus();
        },
        onInput: (event) => setTyped(event.currentTarget.value),
        onKeyDown: (event) => {
          if (event.key === "Escape") event.stopPropagation(), desk.questions.leaveNaming();
        }
      }
    ),
    /* @__PURE__ */ a3("button", { type: "submit", class: "fg-button fg-main-button", disabled: !name, children: [
      name ? `Both are ${name}` : "Name both",
      " ",
      /* @__PURE__ */ a3("kbd", { children: "⏎" })
    ] }),
    /* @__PURE__ */ a3("span", { class: "fg-hint", children: faces && `${counted(faces.one.faceIds.length + faces.other.faceIds.length)} shown` })
  ] });
}

// src/tune.tsx
var STEPS = { detection: "Detection", grouping: "Groups", recognition: "Recognition" };
var START = {
  detection: { minConfidence: 0.5, minFaceSize: 20, qualityThreshold: 0.5 },
  grouping: { method: "hdbscan", minClusterSize: 5, minSamples: 3, minCohesion: null, minSimilarity: null, qualityThreshold: 0.5 },
  recognition: { similarityThreshold: 0.6, matcher: "champion", again: false }
};
var TRY_AFTER_MS = 250;
function Tune({ desk }) {
  const [step2, setStep] = d2("grouping");
  const [all2, setAll] = d2(START);
  const [start2, setStart] = d2(null);
  const [effect, setEffect] = d2(null);
  const [isTrying, setTrying] = d2(false);
  const [tries, setTries] = d2(0);
  const turn2 = T2(0);
  const values = all2[step2];
  A2(() => {
    void desk.guarded(() => desk.api.tuneStart()).then((found) => {
      if (!found) return;
      setStart(found);
      setAll((now) => ({ ...now, recognition: { ...now.recognition, similarityThreshold: Math.round(found.threshold * 100) / 100 } }));
    });
  }, []);
  A2(() => {
    const mine = ++turn2.current;
    setTrying(true);
    const timer = setTimeout(() => void desk.guarded(() => desk.api.tune(step2, given(values))).then((found) => {
      if (mine !== turn2.current) return;
      setEffect(found);
      setTrying(false);
    }), TRY_AFTER_MS);
    return () => clearTimeout(timer);
  }, [step2, values, tries]);
  const set = (change) => setAll((now) => ({ ...now, [step2]: { ...now[step2], ...change } }));
  const turnTo = (to) => {
    setEffect(null);
    setStep(to);
  };
  const apply = async (text) => {
    await desk.decisions.other(text, () => desk.api.tune(step2, given(values), true));
    setTries((count) => count + 1);
  };
  const keydown = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const names2 = Object.keys(STEPS);
    const next3 = names2[(names2.indexOf(step2) + by + names2.length) % names2.length];
    turnTo(next3);
    event.currentTarget.querySelector(`#fg-tab-${next3}`)?.focus();
  };
  const isBusy = desk.state.isBusy;
  return /* @__PURE__ */ a3("div", { class: "fg-view fg-tune", tabIndex: -1, "data-busy": isTrying || isBusy ? "" : void 0, children: [
    /* @__PURE__ */ a3("header", { class: "fg-head", children: [
      /* @__PURE__ */ a3("div", { class: "fg-title", children: [
        /* @__PURE__ */ a3("h1", { children: "Tune" }),
        /* @__PURE__ */ a3("p", { children: isBusy ? "At work …" : isTrying ? "Trying …" : "Nothing changes until you apply it." })
      ] }),
      /* @__PURE__ */ a3("div", { class: "fg-tools", role: "tablist", "aria-label": "What is tuned", onKeyDown: keydown, children: Object.keys(STEPS).map((name) => /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button",
          role: "tab",
          id: `fg-tab-${name}`,
          "aria-selected": name === step2,
          "aria-controls": "fg-tune-panel",
          tabIndex: name === step2 ? 0 : -1,
          onClick: () => turnTo(name),
          children: STEPS[name]
        },
        name
      )) })
    ] }),
    /* @__PURE__ */ a3("div", { class: "fg-tune-body", role: "tabpanel", id: "fg-tune-panel", "aria-labelledby": `fg-tab-${step2}`, children: [
      step2 === "detection" && /* @__PURE__ */ a3(Detection, { ...{ desk, values, set, apply, isBusy }, effect }),
      step2 === "grouping" && /* @__PURE__ */ a3(Grouping, { ...{ desk, values, set, apply, isBusy }, effect }),
      step2 === "recognition" && /* @__PURE__ */ a3(Recognition, { ...{ desk, values, set, apply, isBusy, start: start2 }, effect })
    ] })
  ] });
}
function given(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}
function Detection({ desk, values, effect, set, apply, isBusy }) {
  const [bins, setBins] = d2(null);
  A2(() => {
    void desk.guarded(() => desk.api.histogram({ place: "all" }, "confidence", 40)).then((found) => found && setBins(found));
  }, []);
  return /* @__PURE__ */ a3($, { children: [
    /* @__PURE__ */ a3("form", { class: "fg-tune-form", onSubmit: (event) => event.preventDefault(), children: [
      /* @__PURE__ */ a3(Slider, { label: "Confidence of the detection from", ...{ values, set }, name: "minConfidence", min: 0.1, max: 0.99, step: 0.01 }),
      /* @__PURE__ */ a3(Marked, { bins: bins?.bins ?? [], at: Number(values["minConfidence"]) }),
      /* @__PURE__ */ a3(Slider, { label: "Width and height from, px", ...{ values, set }, name: "minFaceSize", min: 10, max: 300, step: 2 }),
      /* @__PURE__ */ a3(Slider, { label: "Quality to be grouped from", ...{ values, set }, name: "qualityThreshold", min: 0, max: 1, step: 0.01 }),
      /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button fg-main-button",
          "data-action": "apply",
          disabled: isBusy || !effect?.undecided,
          onClick: () => void apply(`Dismissed as not a face: ${counted(effect.undecided)}`),
          children: [
            "Dismiss ",
            counted(effect?.undecided ?? 0)
          ]
        }
      ),
      /* @__PURE__ */ a3("p", { class: "fg-hint", children: [
        "Dismisses what is below and nobody decided about; they are in Ignored, and one undo brings them back. New photos:",
        " ",
        /* @__PURE__ */ a3("code", { children: [
          "faceml faces backfill --min-confidence ",
          values["minConfidence"],
          " --min-face-size ",
          values["minFaceSize"]
        ] })
      ] })
    ] }),
    /* @__PURE__ */ a3(Outcome, { effect, children: effect && /* @__PURE__ */ a3($, { children: [
      /* @__PURE__ */ a3(Facts, { rows: [
        ["faces", effect.faces],
        ["kept", effect.kept],
        ["below the confidence", effect.unsure],
        ["too small", effect.small],
        ["good enough to be grouped", effect.good]
      ] }),
      /* @__PURE__ */ a3(Examples, { desk, examples: effect.examples, kinds: { dropped: "Just below: would go", kept: "Just above: would stay" } })
    ] }) })
  ] });
}
function Grouping({ desk, values, effect, set, apply, isBusy }) {
  const isLinkage = values["method"] === "linkage";
  return /* @__PURE__ */ a3($, { children: [
    /* @__PURE__ */ a3("form", { class: "fg-tune-form", onSubmit: (event) => event.preventDefault(), children: [
      /* @__PURE__ */ a3("label", { class: "fg-stacked", children: [
        "Method",
        /* @__PURE__ */ a3("select", { class: "fg-field", value: String(values["method"]), onChange: (event) => set({ method: event.currentTarget.value }), children: [
          /* @__PURE__ */ a3("option", { value: "hdbscan", children: "hdbscan, by density" }),
          /* @__PURE__ */ a3("option", { value: "linkage", children: "linkage, by mean similarity" })
        ] })
      ] }),
      /* @__PURE__ */ a3(Slider, { label: "Faces that make a group", ...{ values, set }, name: "minClusterSize", min: 2, max: 20, step: 1 }),
      !isLinkage && /* @__PURE__ */ a3(Slider, { label: "Neighbours that make it dense", ...{ values, set }, name: "minSamples", min: 1, max: 15, step: 1 }),
      isLinkage && /* @__PURE__ */ a3(Optional, { label: "Mean similarity", ...{ values, set }, name: "minSimilarity", usual: 0.35 }),
      /* @__PURE__ */ a3(Optional, { label: "Drop faces less like the rest than", ...{ values, set }, name: "minCohesion", usual: 0.35 }),
      /* @__PURE__ */ a3(Slider, { label: "Quality from", ...{ values, set }, name: "qualityThreshold", min: 0, max: 1, step: 0.01 }),
      /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button fg-main-button",
          "data-action": "apply",
          disabled: isBusy || !effect,
          onClick: () => void apply("Grouped anew, recorded as a run"),
          children: "Group anew"
        }
      ),
      /* @__PURE__ */ a3("p", { class: "fg-hint", children: "Groups the faces that nobody named; groups that stay keep their place. Recorded as a run; the options of before bring the groups of before back." })
    ] }),
    /* @__PURE__ */ a3(Outcome, { effect, children: effect && /* @__PURE__ */ a3($, { children: [
      /* @__PURE__ */ a3("p", { class: "fg-hint", children: [
        sampled(effect.faces, effect.facesInAll),
        ", compared in ",
        effect.modelVersion,
        effect.note && `; ${effect.note}`
      ] }),
      /* @__PURE__ */ a3("table", { class: "fg-tune-table", children: [
        /* @__PURE__ */ a3("thead", { children: /* @__PURE__ */ a3("tr", { children: [
          /* @__PURE__ */ a3("td", {}),
          /* @__PURE__ */ a3("th", { scope: "col", children: "now" }),
          /* @__PURE__ */ a3("th", { scope: "col", children: "then" })
        ] }) }),
        /* @__PURE__ */ a3("tbody", { children: [
          /* @__PURE__ */ a3(Compared, { label: "Groups", before: effect.before.clusters, after: effect.after.clusters }),
          /* @__PURE__ */ a3(Compared, { label: "Faces in one", before: effect.before.grouped, after: effect.after.grouped }),
          /* @__PURE__ */ a3(Compared, { label: "The largest", before: effect.before.largest, after: effect.after.largest })
        ] })
      ] }),
      /* @__PURE__ */ a3(Facts, { rows: [["would join a group", effect.joined], ["would leave theirs", effect.left], ["would change it", effect.moved]] }),
      /* @__PURE__ */ a3(Examples, { desk, examples: effect.examples, kinds: { joined: "Would join", left: "Would leave", moved: "Would change to" } })
    ] }) })
  ] });
}
function Recognition({ desk, values, effect, set, apply, isBusy, start: start2 }) {
  const isAgain = values["again"] === true;
  const strangers = effect?.falseMatches;
  return /* @__PURE__ */ a3($, { children: [
    /* @__PURE__ */ a3("form", { class: "fg-tune-form", onSubmit: (event) => event.preventDefault(), children: [
      /* @__PURE__ */ a3(Slider, { label: "Similarity to be recognised", ...{ values, set }, name: "similarityThreshold", min: 0.1, max: 0.95, step: 0.01 }),
      /* @__PURE__ */ a3(Marked, { bins: effect?.bins ?? [], at: effect?.threshold ?? 0 }),
      /* @__PURE__ */ a3("label", { class: "fg-stacked", children: [
        "People are told apart by",
        /* @__PURE__ */ a3("select", { class: "fg-field", value: String(values["matcher"]), onChange: (event) => set({ matcher: event.currentTarget.value }), children: [
          /* @__PURE__ */ a3("option", { value: "champion", children: [
            "what is in use",
            start2 && ` (${start2.modelVersion})`
          ] }),
          /* @__PURE__ */ a3("option", { value: "plain", children: "similarity alone" })
        ] })
      ] }),
      /* @__PURE__ */ a3("label", { class: "fg-tick", children: [
        /* @__PURE__ */ a3("input", { type: "checkbox", checked: isAgain, onChange: (event) => set({ again: event.currentTarget.checked }) }),
        "again all that the machine named or grouped"
      ] }),
      /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button fg-main-button",
          "data-action": "apply",
          disabled: isBusy || !effect?.facesInAll,
          onClick: () => void apply(isAgain ? "Recognised again, the rest grouped anew; recorded as a run" : "Recognised, recorded as a run"),
          children: isAgain ? "Recognise again" : "Recognise"
        }
      ),
      /* @__PURE__ */ a3("p", { class: "fg-hint", children: [
        isAgain ? "What nobody decided about is put under whom it matches, the rest is grouped anew; what a person said stays." : "Faces without a name and without a group are put under whom they match; they wait in Unconfirmed.",
        " Recorded as a run."
      ] })
    ] }),
    /* @__PURE__ */ a3(Outcome, { effect, children: effect && /* @__PURE__ */ a3($, { children: [
      /* @__PURE__ */ a3("p", { class: "fg-hint", children: [
        sampled(effect.faces, effect.facesInAll),
        ", compared in ",
        effect.modelVersion,
        effect.notes.length > 0 && `; ${effect.notes.join("; ")}`
      ] }),
      /* @__PURE__ */ a3("table", { class: "fg-tune-table", children: [
        /* @__PURE__ */ a3("thead", { children: /* @__PURE__ */ a3("tr", { children: [
          /* @__PURE__ */ a3("td", {}),
          /* @__PURE__ */ a3("th", { scope: "col", children: "now" }),
          /* @__PURE__ */ a3("th", { scope: "col", children: "then" })
        ] }) }),
        /* @__PURE__ */ a3("tbody", { children: /* @__PURE__ */ a3(Compared, { label: "Named by the machine", before: effect.before, after: effect.after }) })
      ] }),
      /* @__PURE__ */ a3(Facts, { rows: [["would get a name", effect.joined], ["would lose it", effect.left], ["would get another", effect.moved]] }),
      strangers && /* @__PURE__ */ a3("p", { children: [
        "Of ",
        counted(strangers.faces),
        " that people named, ",
        percent(strangers.accepted),
        " find their own person; ",
        percent(strangers.share),
        " (at most",
        " ",
        percent(strangers.atMost),
        ") would be named wrongly if their person were unknown."
      ] }),
      /* @__PURE__ */ a3(Examples, { desk, examples: effect.examples, kinds: { joined: "Would get a name", left: "Would lose it", moved: "Would get another" } })
    ] }) })
  ] });
}
function sampled(faces, all2) {
  return faces < all2 ? `A sample of ${number(faces)} of ${counted(all2)}` : counted(all2);
}
function percent(share2) {
  return `${(100 * share2).toFixed(share2 < 0.1 ? 1 : 0)} %`;
}
function Slider({ label, name, values, set, min, max, step: step2 }) {
  const value = Number(values[name]);
  return /* @__PURE__ */ a3("label", { class: "fg-slider", children: [
    /* @__PURE__ */ a3("span", { children: label }),
    /* @__PURE__ */ a3("output", { children: step2 < 1 ? similarity(value) : value }),
    /* @__PURE__ */ a3("input", { type: "range", ...{ min, max, step: step2, value }, "data-name": name, onInput: (event) => set({ [name]: Number(event.currentTarget.value) }) })
  ] });
}
function Optional({ label, name, values, set, usual }) {
  const isSet = values[name] !== null;
  return /* @__PURE__ */ a3("div", { class: "fg-optional", children: [
    /* @__PURE__ */ a3("label", { class: "fg-tick", children: [
      /* @__PURE__ */ a3("input", { type: "checkbox", checked: isSet, onChange: (event) => set({ [name]: event.currentTarget.checked ? usual : null }) }),
      label
    ] }),
    isSet && /* @__PURE__ */ a3(Slider, { label: "", ...{ name, values, set }, min: 0, max: 0.9, step: 0.01 })
  ] });
}
function Marked({ bins, at }) {
  if (!bins.length) return null;
  const [low, high] = [bins[0].low, bins.at(-1).high];
  const most = Math.max(1, ...bins.map((bin) => bin.faces));
  const x2 = (value) => 100 * (value - low) / Math.max(high - low, 1e-6);
  return /* @__PURE__ */ a3("svg", { class: "fg-marked", viewBox: "0 0 100 40", preserveAspectRatio: "none", "aria-hidden": "true", children: [
    bins.map((bin) => {
      const height = bin.faces ? Math.max(1.2, 38 * bin.faces / most) : 0;
      return /* @__PURE__ */ a3(
        "rect",
        {
          x: x2(bin.low),
          width: Math.max(0.4, x2(bin.high) - x2(bin.low) - 0.3),
          y: 40 - height,
          height,
          class: bin.high <= at ? "fg-bin-below" : "fg-bin"
        },
        bin.low
      );
    }),
    at > low && at < high && /* @__PURE__ */ a3("line", { x1: x2(at), x2: x2(at), y1: 0, y2: 40 })
  ] });
}
function Outcome({ effect, children }) {
  return /* @__PURE__ */ a3("section", { class: "fg-outcome", "aria-label": "What it would do", "aria-live": "polite", children: effect ? children : /* @__PURE__ */ a3("p", { class: "fg-hint", children: "…" }) });
}
function Compared({ label, before, after: after2 }) {
  const change = after2 - before;
  return /* @__PURE__ */ a3("tr", { children: [
    /* @__PURE__ */ a3("th", { scope: "row", children: label }),
    /* @__PURE__ */ a3("td", { children: number(before) }),
    /* @__PURE__ */ a3("td", { children: [
      /* @__PURE__ */ a3("b", { children: number(after2) }),
      change !== 0 && /* @__PURE__ */ a3("small", { children: [
        " ",
        change > 0 ? "+" : "−",
        number(Math.abs(change))
      ] })
    ] })
  ] });
}
function Facts({ rows }) {
  return /* @__PURE__ */ a3("ul", { class: "fg-facts", children: rows.map(([label, count]) => /* @__PURE__ */ a3("li", { children: [
    /* @__PURE__ */ a3("b", { children: number(count) }),
    " ",
    label
  ] }, label)) });
}
function Examples({ desk, examples, kinds }) {
  return /* @__PURE__ */ a3($, { children: Object.entries(kinds).map(([kind, title]) => {
    const shown = examples.filter((example) => example.change === kind);
    if (!shown.length) return null;
    return /* @__PURE__ */ a3("section", { "aria-label": title, children: [
      /* @__PURE__ */ a3("h2", { children: title }),
      /* @__PURE__ */ a3("ul", { class: "fg-examples", children: shown.map((example) => /* @__PURE__ */ a3("li", { children: [
        /* @__PURE__ */ a3(Portrait, { desk, faceId: example.faceId }),
        example.otherId && /* @__PURE__ */ a3($, { children: [
          /* @__PURE__ */ a3("span", { "aria-hidden": "true", children: kind === "left" ? "⇠" : "→" }),
          /* @__PURE__ */ a3(Portrait, { desk, faceId: example.otherId })
        ] }),
        example.name && /* @__PURE__ */ a3("small", { children: [
          example.name,
          " ",
          similarity(example.value)
        ] })
      ] }, example.faceId)) })
    ] }, kind);
  }) });
}

// src/views.ts
var VIEWS = [
  { name: REVIEW, label: "Review", key: "KeyR", Component: Review },
  { name: "days", label: "Events", Component: Days },
  { name: "map", label: "Map", key: "KeyM", Component: Explore },
  { name: "tune", label: "Tune", key: "KeyT", Component: Tune }
];
function viewOf(name) {
  return VIEWS.find((view) => view.name === name);
}

// src/sidebar.tsx
var LABELS = {
  to_name: "To name",
  unconfirmed: "Unconfirmed",
  unknown: "Unknown",
  people: "People",
  ignored: "Ignored",
  hidden: "Hidden",
  missing: "Missing photos",
  all: "All faces"
};
function Sidebar({ desk, stage }) {
  const { places, query, isBusy, view } = desk.state;
  return /* @__PURE__ */ a3("div", { class: "fg-side", children: [
    /* @__PURE__ */ a3("nav", { "aria-label": "Places", children: /* @__PURE__ */ a3("ul", { class: "fg-places", children: [
      PLACES.map((place, at) => {
        const found = places.find((count) => count.place === place);
        const isGrouped = place === "people" || place === "to_name";
        return /* @__PURE__ */ a3("li", { children: /* @__PURE__ */ a3(
          "button",
          {
            type: "button",
            class: "fg-place",
            title: `Alt+${at + 1}`,
            "data-place": place,
            "aria-current": !view && query.place === place ? "page" : void 0,
            onClick: () => void act({ do: "place", number: at + 1 }, desk, stage),
            children: [
              /* @__PURE__ */ a3("span", { children: LABELS[place] }),
              found && /* @__PURE__ */ a3("small", { title: found.groups === null ? void 0 : `${number(found.groups)} groups, ${number(found.faces)} faces`, children: number(isGrouped && found.groups !== null ? found.groups : found.faces) })
            ]
          }
        ) }, place);
      }),
      VIEWS.map(({ name, label, key }) => /* @__PURE__ */ a3("li", { children: /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-place",
          "data-view": name,
          "aria-current": view === name ? "page" : void 0,
          title: key && `Alt+${key.slice(3)}`,
          onClick: () => void act({ do: "view", name }, desk, stage),
          children: /* @__PURE__ */ a3("span", { children: label })
        }
      ) }, name))
    ] }) }),
    /* @__PURE__ */ a3("div", { class: "fg-side-foot", children: [
      /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", title: "Ctrl+Z", disabled: isBusy, onClick: () => void act({ do: "undo" }, desk, stage), children: "Undo" }),
      /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button",
          title: "Ctrl+Shift+Z",
          disabled: isBusy || !desk.decisions.canRedo,
          onClick: () => void act({ do: "redo" }, desk, stage),
          children: "Redo"
        }
      ),
      /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button",
          title: "Alt+H",
          "aria-expanded": desk.state.panel === "history",
          onClick: () => void act({ do: "history" }, desk, stage),
          children: "History"
        }
      ),
      /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button",
          title: "Alt+K",
          "aria-expanded": desk.state.panel === "keys",
          onClick: () => void act({ do: "keys" }, desk, stage),
          children: "Keys"
        }
      )
    ] })
  ] });
}

// src/head.tsx
function Head({ desk, stage }) {
  const { state } = desk;
  const { query } = state;
  const narrowed = narrowing(query) - (groupKey(query) && query.personId ? 1 : 0);
  const isPerson = (query.place === "people" || query.place === "hidden") && query.personId !== void 0;
  return /* @__PURE__ */ a3("header", { class: "fg-head", children: [
    (isPerson || state.found) && /* @__PURE__ */ a3("button", { type: "button", class: "fg-button fg-back", "aria-label": "Back", title: "Esc", onClick: () => void desk.back().then(() => stage.focusGrid()), children: "←" }),
    /* @__PURE__ */ a3("div", { class: "fg-title", children: [
      /* @__PURE__ */ a3("h1", { children: titleOf(state) }),
      /* @__PURE__ */ a3("p", { children: factsOf(state) })
    ] }),
    isPerson && /* @__PURE__ */ a3(PersonButtons, { desk, personId: query.personId }),
    showsCards(query) && /* @__PURE__ */ a3(CardTools, { desk }),
    !showsCards(query) && /* @__PURE__ */ a3("div", { class: "fg-tools", children: [
      /* @__PURE__ */ a3("label", { class: "fg-button fg-file", title: "Faces like the largest one on a picture of yours", children: [
        "Find by picture",
        /* @__PURE__ */ a3("input", { type: "file", accept: "image/*", onChange: (event) => void upload(desk, event.currentTarget) })
      ] }),
      /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button",
          title: "Alt+F",
          "data-action": "filters",
          "aria-expanded": state.panel === "filters",
          onClick: () => void act({ do: "filters" }, desk, stage),
          children: [
            "Filters",
            narrowed > 0 && ` (${narrowed})`
          ]
        }
      ),
      /* @__PURE__ */ a3("label", { class: "fg-size", children: [
        "Size",
        /* @__PURE__ */ a3("input", { type: "range", min: 48, max: 256, step: 8, value: state.tile, "aria-label": "Size of the faces, in pixels", onInput: (event) => desk.setTile(Number(event.currentTarget.value)) })
      ] })
    ] })
  ] });
}
async function upload(desk, field) {
  const file = field.files?.[0];
  if (!file) return;
  const form = new FormData();
  form.append("photo", file);
  field.value = "";
  await desk.searchLike(form);
}
function titleOf(state) {
  const { query } = state;
  const group = openGroup(state);
  if (state.found) return "Faces like it";
  if (query.day && query.place === "all") return day(query.day);
  if (query.place === "to_name") return group ? group.isMixed ? "One person?" : "Who is this?" : "To name";
  if (query.place === "unconfirmed" && group) return `Is this ${group.label}?`;
  return group?.label ?? LABELS[query.place];
}
function factsOf(state) {
  const { query, pages, groups, groupsTotal, selection } = state;
  if (showsCards(query)) return groupsTotal === 1 ? "1 person" : `${number(groupsTotal)} people`;
  const group = openGroup(state);
  const at = groups.findIndex((found) => found.key === group?.key);
  const isQueue = query.place === "to_name" || query.place === "unconfirmed";
  const facts2 = [
    pages.isKnown ? counted(pages.total) : "",
    group && isQueue && groupsTotal > 1 ? `${number(at + 1)} of ${number(groupsTotal)}` : "",
    group?.cohesion != null && query.place === "to_name" ? `cohesion ${group.cohesion.toFixed(2)}` : "",
    isEmpty(selection) ? "" : `${number(countOf(selection, pages.total))} selected`
  ];
  return facts2.filter(Boolean).join(" · ");
}
function CardTools({ desk }) {
  const { query, order } = desk.state;
  return /* @__PURE__ */ a3("div", { class: "fg-tools", children: [
    /* @__PURE__ */ a3(
      "input",
      {
        type: "search",
        class: "fg-field fg-search",
        "aria-label": "Search people",
        placeholder: "Search",
        value: query.text ?? "",
        onInput: (event) => void desk.visit({ ...query, text: event.currentTarget.value })
      }
    ),
    /* @__PURE__ */ a3(
      "select",
      {
        class: "fg-field",
        "aria-label": "Order",
        value: order,
        onChange: (event) => void desk.orderCards(event.currentTarget.value),
        children: [
          /* @__PURE__ */ a3("option", { value: "size", children: "Most faces" }),
          /* @__PURE__ */ a3("option", { value: "name", children: "Name" }),
          /* @__PURE__ */ a3("option", { value: "newest", children: "Newest" }),
          /* @__PURE__ */ a3("option", { value: "attention", children: "Needs attention" })
        ]
      }
    )
  ] });
}
function PersonButtons({ desk, personId }) {
  const { panel, isBusy, query } = desk.state;
  const isHidden = query.place === "hidden";
  const name = openGroup(desk.state)?.label ?? "";
  const open2 = (which) => desk.store.set({ panel: panel === which ? null : which });
  const hide = async () => {
    await desk.decisions.other(`${isHidden ? "Brought back" : "Hidden"}: ${name}`, () => desk.api.hide(personId, !isHidden));
    await desk.back();
  };
  return /* @__PURE__ */ a3("div", { class: "fg-tools", children: [
    /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-expanded": panel === "details", onClick: () => open2("details"), children: "Details" }),
    !isHidden && /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-expanded": panel === "rename", disabled: isBusy, onClick: () => open2("rename"), children: "Rename" }),
    !isHidden && /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-expanded": panel === "merge", disabled: isBusy, onClick: () => open2("merge"), children: "Merge" }),
    /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "data-action": "hide", disabled: isBusy, onClick: () => void hide(), children: isHidden ? "Bring back" : "Hide" })
  ] });
}

// src/keyboard.ts
var ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
var MOVES = [...ARROWS, "Home", "End", "PageUp", "PageDown"];
var ALT = {
  KeyI: "stranger",
  KeyN: "notAFace",
  KeyB: "restore",
  KeyS: "split",
  KeyF: "filters",
  KeyL: "similar",
  KeyK: "keys",
  KeyU: "unassign",
  KeyC: "cover",
  KeyE: "exemplars",
  KeyW: "why",
  KeyH: "history",
  KeyD: "sameDay"
};
function commandOf(key, where, typed, completions2) {
  if (key.alt && !key.ctrl) return altered(key);
  if (key.ctrl) return controlled(key, where, typed);
  if (key.key === "Escape") return { do: "escape" };
  if (where === "control" || where === "photo") return null;
  if (key.key === "Enter") return { do: key.shift ? "takeAsTyped" : "take" };
  if (where === "entry" && typed) return completing(key, completions2);
  if (key.key === "Delete") return { do: "reject" };
  if (key.key === " ") return key.shift ? { do: "toggle" } : { do: "photo" };
  if (MOVES.includes(key.key)) return { do: "move", key: key.key, isExtending: key.shift };
  if (/^[1-5]$/.test(key.key)) return { do: "suggestion", number: Number(key.key) };
  if (where !== "entry" && [...key.key].length === 1) return { do: "type", letter: key.key };
  return null;
}
function altered(key) {
  const digit = /^Digit([1-8])$/.exec(key.code)?.[1];
  if (digit) return { do: "place", number: Number(digit) };
  if (key.key === "ArrowDown" || key.key === "ArrowUp") return { do: "group", by: key.key === "ArrowDown" ? 1 : -1 };
  const view = VIEWS.find((found) => found.key === key.code);
  if (view) return { do: "view", name: view.name };
  const command = ALT[key.code];
  return command ? { do: command } : null;
}
function controlled(key, where, typed) {
  const isWriting = where === "entry" && typed !== "";
  if (isWriting || key.alt) return null;
  const letter = key.key.toLowerCase();
  if (letter === "z") return { do: key.shift ? "redo" : "undo" };
  if (letter === "y") return { do: "redo" };
  if (where === "control" || where === "photo") return null;
  if (letter === "a") return { do: "all" };
  if (key.key === " ") return { do: "toggle" };
  return ARROWS.includes(key.key) ? { do: "move", key: key.key, isExtending: key.shift } : null;
}
function completing(key, completions2) {
  const isStep = key.key === "ArrowDown" || key.key === "ArrowUp";
  return isStep && completions2 ? { do: "complete", by: key.key === "ArrowDown" ? 1 : -1 } : null;
}

// src/asides.tsx
var LINES = 30;
function History({ desk }) {
  const [lines, setLines] = d2([]);
  const { latestEvent, isBusy } = desk.state;
  A2(() => void desk.guarded(() => desk.api.history(LINES)).then((found) => found && setLines(found.events)), [latestEvent, isBusy]);
  const toggle3 = (line) => {
    const isUndone = line.undoneBy !== null;
    void desk.decisions.other(`${isUndone ? "Done again" : "Undone"}: ${line.text}`, () => desk.api.undo(line.undoneBy ?? line.eventId));
  };
  return /* @__PURE__ */ a3("section", { class: "fg-panel", "aria-label": "History", children: /* @__PURE__ */ a3("ol", { class: "fg-history", children: [
    lines.map((line) => /* @__PURE__ */ a3("li", { children: [
      /* @__PURE__ */ a3("span", { class: line.undoneBy === null ? "" : "fg-struck", children: line.text }),
      /* @__PURE__ */ a3("small", { children: [
        line.actor,
        ", ",
        day(line.at)
      ] }),
      /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button",
          "data-event": line.eventId,
          disabled: isBusy,
          "aria-label": `${line.undoneBy === null ? "Undo" : "Redo"}: ${line.text}`,
          onClick: () => toggle3(line),
          children: line.undoneBy === null ? "Undo" : "Redo"
        }
      )
    ] }, line.eventId)),
    !lines.length && /* @__PURE__ */ a3("li", { children: "Nothing was decided yet." })
  ] }) });
}
function Why({ desk }) {
  const { pages, selection } = desk.state;
  const faceId = pages.at(selection.at)?.faceId;
  const [found, setFound] = d2(null);
  A2(() => {
    if (faceId === void 0) return setFound(null);
    void desk.guarded(() => desk.api.explanation(faceId)).then(setFound);
  }, [faceId]);
  return /* @__PURE__ */ a3("section", { class: "fg-panel fg-why", "aria-label": "Why", role: "status", children: found && /* @__PURE__ */ a3("p", { children: reasons(found).join(" · ") }) });
}
function reasons(found) {
  const { personName, assignedBy, threshold, runnerUpName, runnerUpSimilarity, ruledOut } = found;
  const isMachine = personName !== null && assignedBy !== null && assignedBy !== "manual";
  const now = [...found.scores.map((item) => ({ name: item.personName, like: item.score })), ...found.nearest.map((item) => ({ name: item.personName, like: item.similarity }))];
  const best = [...new Map(now.sort((a4, b) => a4.like - b.like).map((item) => [item.name, item.like]))].reverse().slice(0, 3);
  return [
    personName === null ? "No name" : isMachine ? `${personName}, by the machine` : `${personName}, by a person`,
    isMachine && found.similarity !== null ? `similarity ${similarity(found.similarity)}${threshold === null ? "" : ` from a threshold of ${similarity(threshold)}`}` : "",
    runnerUpName !== null && runnerUpSimilarity !== null ? `then ${runnerUpName}, ${similarity(runnerUpSimilarity)}` : "",
    best.length ? `now like ${best.map(([name, like]) => `${name} ${similarity(like)}`).join(", ")}` : "like nobody who is known",
    ruledOut.length ? `not ${ruledOut.join(", ")}, as a person said` : "",
    found.note ?? ""
  ].filter(Boolean);
}
function Details({ desk, personId }) {
  const [found, setFound] = d2(null);
  const { latestEvent } = desk.state;
  A2(() => void desk.guarded(() => desk.api.person(personId)).then(setFound), [personId, latestEvent]);
  if (!found) return null;
  return /* @__PURE__ */ a3("section", { class: "fg-panel fg-details", "aria-label": "Details", children: [
    /* @__PURE__ */ a3("p", { children: [counted(found.faceCount), found.alsoCalled.length ? `also called ${found.alsoCalled.join(", ")}` : "", found.hasCentroid ? "with centroid" : "no centroid"].filter(Boolean).join(" · ") }),
    found.exemplarFaceIds.length > 0 && /* @__PURE__ */ a3("div", { class: "fg-recognised-by", children: [
      /* @__PURE__ */ a3("span", { children: "Recognised by" }),
      found.exemplarFaceIds.map((faceId) => /* @__PURE__ */ a3(Portrait, { desk, faceId }, faceId)),
      /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button",
          disabled: desk.state.isBusy,
          title: "The best three of the faces that a person named",
          onClick: () => void desk.decisions.other("Exemplars chosen anew", () => desk.api.exemplars(personId, [])),
          children: "Choose anew"
        }
      )
    ] })
  ] });
}

// src/panels.tsx
function Panel({ desk }) {
  const { panel, query } = desk.state;
  if (panel === "filters") return /* @__PURE__ */ a3(FilterPanel, { desk });
  if (panel === "keys") return /* @__PURE__ */ a3(Keys, {});
  if (panel === "history") return /* @__PURE__ */ a3(History, { desk });
  if (panel === "why") return /* @__PURE__ */ a3(Why, { desk });
  if (panel === "details") return query.personId ? /* @__PURE__ */ a3(Details, { desk, personId: query.personId }) : null;
  if (panel !== null && query.personId) return /* @__PURE__ */ a3(PersonForm, { desk, personId: query.personId, isMerge: panel === "merge" }, panel);
  return null;
}
var NUMBERS2 = [
  { name: "minQuality", label: "Quality from", step: 0.05, most: 1 },
  { name: "minSize", label: "Size from, px", step: 10, most: 1e4 },
  { name: "minSimilarity", label: "Similarity from", step: 0.01, most: 1 },
  { name: "maxSimilarity", label: "Similarity up to", step: 0.01, most: 1 }
];
function FilterPanel({ desk }) {
  const { query, names: names2 } = desk.state;
  const { place, clusterId: _cluster, ...filters } = query;
  const isGrouped = place === "unconfirmed" || place === "people" || place === "hidden";
  const set = (change) => void desk.filter({ ...filters, ...change });
  const text = (value) => value || void 0;
  const known = names2.find((name) => name.personId === query.personId)?.name ?? "";
  return /* @__PURE__ */ a3("form", { class: "fg-panel fg-filters", "aria-label": "Filters", onSubmit: (event) => event.preventDefault(), children: [
    !isGrouped && /* @__PURE__ */ a3("label", { children: [
      "Person",
      /* @__PURE__ */ a3("input", { class: "fg-field", list: "fg-people", value: known, onChange: (event) => {
        const found = completions(names2, event.currentTarget.value)[0];
        set({ personId: found?.personId });
      } }),
      /* @__PURE__ */ a3("datalist", { id: "fg-people", children: names2.slice(0, 500).map((name) => /* @__PURE__ */ a3("option", { value: name.name }, name.personId)) })
    ] }),
    /* @__PURE__ */ a3("label", { children: [
      "From",
      /* @__PURE__ */ a3("input", { class: "fg-field", type: "date", value: query.since ?? "", onChange: (event) => set({ since: text(event.currentTarget.value) }) })
    ] }),
    /* @__PURE__ */ a3("label", { children: [
      "To",
      /* @__PURE__ */ a3("input", { class: "fg-field", type: "date", value: query.until ?? "", onChange: (event) => set({ until: text(event.currentTarget.value) }) })
    ] }),
    /* @__PURE__ */ a3("label", { children: [
      "Day",
      /* @__PURE__ */ a3("input", { class: "fg-field", type: "date", value: query.day ?? "", onChange: (event) => set({ day: text(event.currentTarget.value) }) })
    ] }),
    /* @__PURE__ */ a3("label", { children: [
      "Folder",
      /* @__PURE__ */ a3("input", { class: "fg-field", value: query.folder ?? "", onChange: (event) => set({ folder: text(event.currentTarget.value) }) })
    ] }),
    NUMBERS2.map(({ name, label, step: step2, most }) => /* @__PURE__ */ a3("label", { children: [
      label,
      /* @__PURE__ */ a3(
        "input",
        {
          class: "fg-field",
          type: "number",
          min: 0,
          max: most,
          step: step2,
          value: query[name] ?? "",
          onChange: (event) => set({ [name]: event.currentTarget.value === "" ? void 0 : Number(event.currentTarget.value) })
        }
      )
    ] }, name)),
    /* @__PURE__ */ a3("label", { children: [
      "Named by",
      /* @__PURE__ */ a3("select", { class: "fg-field", value: query.assignedBy ?? "", onChange: (event) => set({ assignedBy: text(event.currentTarget.value) }), children: [
        /* @__PURE__ */ a3("option", { value: "", children: "anybody" }),
        /* @__PURE__ */ a3("option", { value: "manual", children: "a person" }),
        /* @__PURE__ */ a3("option", { value: "prototype", children: "the machine" })
      ] })
    ] }),
    /* @__PURE__ */ a3("label", { children: [
      "Order",
      /* @__PURE__ */ a3("select", { class: "fg-field", value: query.sort ?? "", onChange: (event) => set({ sort: text(event.currentTarget.value) }), children: [
        /* @__PURE__ */ a3("option", { value: "", children: "as usual here" }),
        /* @__PURE__ */ a3("option", { value: "fit", children: "fit" }),
        /* @__PURE__ */ a3("option", { value: "similarity", children: "similarity" }),
        /* @__PURE__ */ a3("option", { value: "quality", children: "quality" }),
        /* @__PURE__ */ a3("option", { value: "newest", children: "newest" }),
        /* @__PURE__ */ a3("option", { value: "oldest", children: "oldest" }),
        /* @__PURE__ */ a3("option", { value: "size", children: "size" }),
        /* @__PURE__ */ a3("option", { value: "person", children: "person" })
      ] })
    ] }),
    /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", onClick: () => void desk.filter(isGrouped && query.personId ? { personId: query.personId } : {}), children: "Clear" })
  ] });
}
var KEYS = [
  ["letters", "type a name"],
  ["Enter", "name what is selected, or all of the group; without a text: what the button says"],
  ["Shift+Enter", "a new person, as typed"],
  ["Delete", "not this person"],
  ["Space", "the photo"],
  ["1 to 5", "take a suggestion"],
  ["arrows", "go along the faces; with Shift select"],
  ["Ctrl+Space", "select or not"],
  ["Ctrl+A", "all"],
  ["Esc", "clear the selection, then the text, then back"],
  ["Alt+↓ Alt+↑", "next or previous group"],
  ["Alt+1 to Alt+8", "places"],
  ["Alt+I Alt+N", "ignore a stranger; not a face"],
  ["Alt+B", "bring back"],
  ["Alt+S", "split a group"],
  ["Alt+L", "find faces alike"],
  ["Alt+U", "take away: they have no name then"],
  ["Alt+C Alt+E", "a person's portrait; the faces they are recognised by"],
  ["Alt+D", "all faces of that day"],
  ["Alt+W", "why a face has its name"],
  ["Alt+H", "all decisions, each to be undone"],
  ["Alt+R", "review: what faceml is unsure of"],
  ["Alt+F", "filters"],
  ["Ctrl+Z Ctrl+Shift+Z", "undo and redo, whatever it was"],
  ["Ctrl and wheel", "size of the faces"]
];
function Keys() {
  return /* @__PURE__ */ a3("section", { class: "fg-panel", "aria-label": "Keys", children: /* @__PURE__ */ a3("dl", { class: "fg-keys", children: KEYS.map(([keys, what]) => /* @__PURE__ */ a3("div", { children: [
    /* @__PURE__ */ a3("dt", { children: /* @__PURE__ */ a3("kbd", { children: keys }) }),
    /* @__PURE__ */ a3("dd", { children: what })
  ] }, keys)) }) });
}
function PersonForm({ desk, personId, isMerge }) {
  const [typed, setTyped] = d2("");
  const others = desk.state.names.filter((known) => known.personId !== personId);
  const found = completions(others, typed);
  const target = found[0];
  const now = openGroup(desk.state)?.label ?? desk.state.names.find((known) => known.personId === personId)?.name ?? "";
  const submit = async (event) => {
    event.preventDefault();
    const { decisions, api } = desk;
    if (isMerge && !target) return desk.store.tell(typed ? `Nobody is called ${typed}` : "Type whom to merge into", "problem");
    const isDone = isMerge ? await decisions.other(`Merged ${now} into ${target.name}`, () => api.merge(personId, target.personId)) : await decisions.other(`Renamed ${now}: ${typed.trim()}`, () => api.rename(personId, typed.trim()));
    if (!isDone) return;
    desk.store.set({ panel: null });
    if (isMerge) await desk.visit({ place: "people", personId: target.personId });
  };
  return /* @__PURE__ */ a3("form", { class: "fg-panel fg-person-form", "aria-label": isMerge ? "Merge" : "Rename", onSubmit: (event) => void submit(event), children: [
    /* @__PURE__ */ a3("label", { children: [
      isMerge ? `Merge ${now} into` : `${now} is called`,
      /* @__PURE__ */ a3(
        "input",
        {
          class: "fg-field",
          value: typed,
          autofocus: true,
          ref: (input) => {
            if (input && !typed) input.focus();
          },
          onInput: (event) => setTyped(event.currentTarget.value),
          autocomplete: "off"
        }
      )
    ] }),
    /* @__PURE__ */ a3("button", { type: "submit", class: "fg-button fg-main-button", disabled: !typed.trim() || isMerge && !target, children: [
      isMerge ? target ? `Merge into ${target.name}` : "Merge" : "Rename",
      " ",
      /* @__PURE__ */ a3("kbd", { children: "⏎" })
    ] }),
    isMerge && found.slice(1).map((known) => /* @__PURE__ */ a3("button", { type: "button", class: "fg-chip", onClick: () => setTyped(known.name), children: known.name }, known.personId))
  ] });
}

// src/boxes.ts
var SMALLEST = 0.01;
var STEP = 0.01;
function boxOf(a4, b) {
  const [left, right] = [share(Math.min(a4.x, b.x)), share(Math.max(a4.x, b.x))];
  const [top, bottom] = [share(Math.min(a4.y, b.y)), share(Math.max(a4.y, b.y))];
  return inside2({ x: left, y: top, width: right - left, height: bottom - top });
}
function moved(box, key, isResizing) {
  const [dx, dy] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[key] ?? [0, 0];
  if (isResizing) return inside2({ ...box, width: box.width + dx, height: box.height + dy });
  return { ...box, x: between(box.x + dx, 0, 1 - box.width), y: between(box.y + dy, 0, 1 - box.height) };
}
function inside2(box) {
  const width = between(box.width, SMALLEST, 1 - Math.min(box.x, 1 - SMALLEST));
  const height = between(box.height, SMALLEST, 1 - Math.min(box.y, 1 - SMALLEST));
  return { x: Math.min(box.x, 1 - width), y: Math.min(box.y, 1 - height), width, height };
}
function share(value) {
  return between(value, 0, 1);
}
function between(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

// src/photo.tsx
var PICTURE_PX = 2048;
var ZOOMS = [1, 1.5, 2, 3, 4, 6];
var FIRST_BOX = { x: 0.4, y: 0.35, width: 0.2, height: 0.3 };
function PhotoView({ desk }) {
  const asked = desk.state.photo;
  const [photo, setPhoto] = d2(null);
  const [url, setUrl] = d2("");
  const [chosen, setChosen] = d2(asked.faceId || null);
  const [draft, setDraft] = d2(null);
  const [isDrawing, setDrawing] = d2(false);
  const [isPlaying, setPlaying] = d2(false);
  const [zoom, setZoom] = d2(1);
  const [typed, setTyped] = d2("");
  const [from, setFrom] = d2(null);
  const dialog = T2(null);
  const stage = T2(null);
  const { api, store } = desk;
  const load = async () => {
    const found = await desk.guarded(() => api.photo(asked.assetId));
    if (!found || desk.state.photo?.assetId !== asked.assetId) return;
    setPhoto(found);
    setChosen((now) => found.faces.some((face2) => face2.faceId === now) ? now : found.faces[0]?.faceId ?? null);
  };
  A2(() => {
    setUrl("");
    setDraft(null);
    setDrawing(false);
    setZoom(1);
    setChosen(asked.faceId || null);
    void load();
  }, [asked.assetId]);
  const isHere = photo?.assetId === asked.assetId;
  const face = isHere ? photo.faces.find((found) => found.faceId === chosen) : void 0;
  const frame = face?.span?.frameS ?? 0;
  A2(() => {
    if (!isHere) return;
    let isGone = false;
    let made = "";
    setPlaying(false);
    void desk.guarded(() => api.picture(asked.assetId, PICTURE_PX, frame)).then((jpeg) => {
      if (isGone || !jpeg) return;
      made = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
      setUrl(made);
    });
    return () => {
      isGone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [asked.assetId, isHere, frame]);
  A2(() => dialog.current?.focus(), []);
  const video = photo?.durationS != null ? api.video(asked.assetId) : null;
  const close = () => store.set({ photo: null });
  const goTo = (assetId) => assetId !== null && store.set({ photo: { assetId, faceId: "" } });
  const decide = async (text, work) => {
    if (!await desk.decisions.other(text, work)) return;
    setTyped("");
    setDraft(null);
    setDrawing(false);
    await load();
  };
  const correct = async (found, box) => {
    let faceId = found.faceId;
    await decide("Box corrected", async () => {
      const report = await api.correct(found.faceId, box);
      faceId = report.faceId;
      return report;
    });
    setChosen(faceId);
  };
  const name = async () => {
    const known = completions(desk.state.names, typed)[0];
    const text = known?.name ?? typed.trim();
    if (draft && isDrawing) return decide(text ? `Drawn: ${text}` : "Drawn: a face", () => api.draw(asked.assetId, draft, text));
    if (draft && face) return correct(face, draft);
    if (!face || !text) return;
    const who = known ? { personId: known.personId } : { name: text };
    await decide(`1 face: ${text}`, () => api.decide({ action: "name", faceIds: [face.faceId], ...who }));
  };
  const keydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    const isWriting = target instanceof HTMLInputElement;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      if (typed) setTyped("");
      else if (draft) setDraft(null), setDrawing(false);
      else close();
    } else if (event.key === "Tab") trap(event, dialog.current);
    else if (draft && !isWriting && event.key.startsWith("Arrow")) {
      event.preventDefault();
      setDraft(moved(draft, event.key, event.shiftKey));
    } else if (event.key === "Enter" && (isWriting || target === dialog.current || draft)) {
      if (target instanceof HTMLButtonElement) return;
      event.preventDefault();
      void name();
    } else if (isWriting) return;
    else if (event.key === "ArrowLeft") goTo(photo?.previous ?? null);
    else if (event.key === "ArrowRight") goTo(photo?.next ?? null);
    else if (event.key === "+" || event.key === "=") setZoom(next2(zoom, 1));
    else if (event.key === "-") setZoom(next2(zoom, -1));
    else if (event.key === "Delete" && face) void remove(face);
    else if (event.key === " " && !(target instanceof HTMLButtonElement)) close();
    else if ([...event.key].length === 1 && !(event.key === " ")) dialog.current?.querySelector(".fg-entry")?.focus();
    else return;
    if (event.key === " ") event.preventDefault();
  };
  const remove = (found) => found.isDrawn ? decide("Drawn face taken away", () => api.remove(found.faceId)) : found.personId ? decide(`1 face: not ${found.personName}`, () => api.decide({ action: "reject", faceIds: [found.faceId] })) : decide("1 face ignored: not a face", () => api.decide({ action: "dismiss", faceIds: [found.faceId], dismissedAs: "not_a_face" }));
  const pointIn = (event) => {
    const rect = stage.current.getBoundingClientRect();
    return { x: (event.clientX - rect.left) / rect.width, y: (event.clientY - rect.top) / rect.height };
  };
  const isEditing = isDrawing || draft !== null;
  const picked = completions(desk.state.names, typed)[0];
  return /* @__PURE__ */ a3("div", { class: "fg-photo-view", role: "dialog", "aria-modal": "true", "aria-label": photo?.name ?? "Photo", tabIndex: -1, ref: dialog, onKeyDown: keydown, children: [
    /* @__PURE__ */ a3("div", { class: "fg-photo-head", children: [
      /* @__PURE__ */ a3("div", { class: "fg-title", children: [
        /* @__PURE__ */ a3("h2", { children: photo?.name ?? "…" }),
        /* @__PURE__ */ a3("p", { children: [photo?.folder, photo?.takenAt ? day(photo.takenAt) : "", photo?.camera].filter(Boolean).join(" · ") })
      ] }),
      /* @__PURE__ */ a3("div", { class: "fg-tools", children: [
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", title: "←", disabled: photo?.previous == null, onClick: () => goTo(photo.previous), children: "Previous" }),
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", title: "→", disabled: photo?.next == null, onClick: () => goTo(photo.next), children: "Next" }),
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-label": "Smaller", title: "−", disabled: zoom === ZOOMS[0], onClick: () => setZoom(next2(zoom, -1)), children: "−" }),
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-label": "Larger", title: "+", disabled: zoom === ZOOMS.at(-1), onClick: () => setZoom(next2(zoom, 1)), children: "+" }),
        video && /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-pressed": isPlaying, onClick: () => setPlaying(!isPlaying), children: isPlaying ? "Still" : "Play" }),
        photo?.durationS == null && /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-pressed": isDrawing, onClick: () => (setDrawing(!isDrawing), setDraft(isDrawing ? null : FIRST_BOX)), children: "Draw a face" }),
        face && !face.span && !isDrawing && /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-pressed": draft !== null, onClick: () => setDraft(draft ? null : face.box), children: "Correct the box" }),
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", title: "Esc", onClick: close, children: "Close" })
      ] })
    ] }),
    photo?.durationS != null && /* @__PURE__ */ a3("div", { class: "fg-tools fg-moments", role: "group", "aria-label": "Faces of the video", children: photo.faces.map((found) => /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "aria-pressed": found.faceId === chosen, onClick: () => setChosen(found.faceId), children: [
      found.personName ?? "nobody yet",
      " ",
      clock(found.span?.firstS ?? 0),
      "–",
      clock(found.span?.lastS ?? 0)
    ] }, found.faceId)) }),
    /* @__PURE__ */ a3("div", { class: "fg-photo-scroll", tabIndex: 0, role: "group", "aria-label": "The photo", onWheel: (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      setZoom(next2(zoom, event.deltaY < 0 ? 1 : -1));
    }, children: /* @__PURE__ */ a3(
      "div",
      {
        ref: stage,
        class: `fg-photo${isEditing ? " fg-drawing" : ""}`,
        style: { "--fg-zoom": zoom, "--fg-shape": photo ? `${photo.width} / ${photo.height}` : "3 / 2", "--fg-wide": photo ? photo.width / photo.height : 1.5 },
        onPointerDown: (event) => {
          if (!isEditing || event.button !== 0) return;
          event.preventDefault();
          stage.current.setPointerCapture(event.pointerId);
          setFrom(pointIn(event));
        },
        onPointerMove: (event) => from && setDraft(boxOf(from, pointIn(event))),
        onPointerUp: () => setFrom(null),
        children: [
          isPlaying && video ? /* @__PURE__ */ a3("video", { src: video, controls: true, autoplay: true, onLoadedMetadata: (event) => event.currentTarget.currentTime = face?.span?.firstS ?? 0 }, chosen) : url && /* @__PURE__ */ a3("img", { src: url, alt: "", draggable: false }),
          !isPlaying && photo?.faces.filter((found) => !found.span || found.span.frameS === frame).map((found) => /* @__PURE__ */ a3(
            "button",
            {
              type: "button",
              class: `fg-box fg-${found.state}${found.faceId === chosen ? " fg-asked" : ""}`,
              style: percent2(found.box),
              disabled: isEditing,
              "aria-pressed": found.faceId === chosen,
              "aria-label": found.personName ?? "a face without a name",
              onClick: () => setChosen(found.faceId),
              children: found.personName && /* @__PURE__ */ a3("span", { children: found.personName })
            },
            found.faceId
          )),
          draft && /* @__PURE__ */ a3("div", { class: "fg-box fg-draft", style: percent2(draft) })
        ]
      }
    ) }),
    /* @__PURE__ */ a3("div", { class: "fg-answer", children: [
      /* @__PURE__ */ a3(
        "input",
        {
          class: "fg-entry",
          type: "text",
          "aria-label": "Name of this face",
          placeholder: face?.personName ?? "Type a name",
          value: typed,
          autocomplete: "off",
          disabled: !face && !isDrawing,
          onInput: (event) => setTyped(event.currentTarget.value)
        }
      ),
      /* @__PURE__ */ a3("button", { type: "button", class: "fg-button fg-main-button", disabled: !draft && (!face || !typed.trim()), onClick: () => void name(), children: [
        draft ? isDrawing ? "Keep the face" : "Keep the box" : picked ? `Name ${picked.name}` : "Name",
        " ",
        /* @__PURE__ */ a3("kbd", { children: "⏎" })
      ] }),
      face && !draft && /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", onClick: () => void remove(face), children: [
        face.isDrawn ? "Take away" : face.personId ? "Not this person" : "Not a face",
        " ",
        /* @__PURE__ */ a3("kbd", { children: "Del" })
      ] }),
      /* @__PURE__ */ a3("span", { class: "fg-hint", children: draft ? "Drag a box, or move it with the arrows; with Shift they change its size" : "" })
    ] })
  ] });
}
function next2(zoom, by) {
  return ZOOMS[Math.min(ZOOMS.length - 1, Math.max(0, ZOOMS.indexOf(zoom) + by))];
}
function percent2(box) {
  return { left: `${100 * box.x}%`, top: `${100 * box.y}%`, width: `${100 * box.width}%`, height: `${100 * box.height}%` };
}
function trap(event, dialog) {
  const stops = [...dialog.querySelectorAll("button:enabled, input:enabled, [tabindex='0']")];
  const at = stops.indexOf(document.activeElement);
  const to = stops[(at + (event.shiftKey ? -1 : 1) + stops.length) % stops.length];
  event.preventDefault();
  to?.focus();
}

// src/split.tsx
var SHOWN2 = 24;
function SplitView({ desk, stage }) {
  const { parts, leftOut: leftOut2 } = desk.state.split;
  const dialog = T2(null);
  A2(() => dialog.current?.querySelector("button")?.focus(), []);
  const close = () => (desk.store.set({ split: null }), stage.focusGrid());
  const split = () => void desk.decisions.split().then(() => stage.focusGrid());
  const keydown = (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement)) split();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const shown = [...parts.map((ids, at) => ({ title: `Part ${at + 1}`, ids })), { title: "In no part", ids: leftOut2 }].filter((part) => part.ids.length);
  return /* @__PURE__ */ a3("div", { class: "fg-photo-view fg-split", role: "dialog", "aria-modal": "true", "aria-label": "Split", tabIndex: -1, ref: dialog, onKeyDown: keydown, children: [
    /* @__PURE__ */ a3("div", { class: "fg-photo-head", children: [
      /* @__PURE__ */ a3("div", { class: "fg-title", children: [
        /* @__PURE__ */ a3("h2", { children: [
          "Split into ",
          parts.length,
          " parts?"
        ] }),
        /* @__PURE__ */ a3("p", { children: "Nothing is done yet. Each part is a group of its own then." })
      ] }),
      /* @__PURE__ */ a3("div", { class: "fg-tools", children: [
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button fg-main-button", "data-action": "do-split", disabled: desk.state.isBusy, onClick: split, children: [
          "Split ",
          /* @__PURE__ */ a3("kbd", { children: "⏎" })
        ] }),
        /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", onClick: close, children: [
          "Back ",
          /* @__PURE__ */ a3("kbd", { children: "Esc" })
        ] })
      ] })
    ] }),
    /* @__PURE__ */ a3("div", { class: "fg-cards-box fg-parts", tabIndex: 0, role: "group", "aria-label": "The parts", children: shown.map(({ title, ids }) => /* @__PURE__ */ a3("section", { class: "fg-half", "aria-label": title, children: [
      /* @__PURE__ */ a3("h3", { children: [
        title,
        " ",
        /* @__PURE__ */ a3("small", { children: [
          counted(ids.length),
          ids.length > SHOWN2 && `, ${SHOWN2} shown`
        ] })
      ] }),
      /* @__PURE__ */ a3("div", { class: "fg-faces", children: ids.slice(0, SHOWN2).map((faceId) => /* @__PURE__ */ a3("span", { class: "fg-face", children: /* @__PURE__ */ a3(Portrait, { desk, faceId }) }, faceId)) })
    ] }, title)) })
  ] });
}

// src/strip.tsx
var AROUND = 40;
function Strip({ desk }) {
  const { query, groups, groupsTotal } = desk.state;
  const open2 = T2(null);
  const by = groupedBy(query.place);
  const key = groupKey(query);
  A2(() => open2.current?.scrollIntoView({ block: "nearest", inline: "center" }), [key, groups]);
  if (by === null || showsCards(query) || query.place === "people" || query.place === "hidden" || !groups.length) return null;
  const at = Math.max(0, groups.findIndex((group) => group.key === key));
  const from = Math.max(0, at - AROUND);
  const turn2 = (event) => {
    const step2 = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step2) return;
    event.preventDefault();
    event.stopPropagation();
    void desk.stepGroup(step2).then(() => open2.current?.focus());
  };
  return /* @__PURE__ */ a3("div", { class: "fg-strip", role: "group", "aria-label": `${by === "cluster" ? "Groups" : "People"}, ${number(groupsTotal)}`, onKeyDown: turn2, children: groups.slice(from, at + AROUND).map((group) => {
    const isOpen = group.key === key;
    const label = by === "person" ? `${group.label}, ${counted(group.toConfirm || group.faces)}` : `group of ${counted(group.faces)}${group.isMixed ? ", mixed" : ""}`;
    return /* @__PURE__ */ a3(
      "button",
      {
        type: "button",
        ref: isOpen ? open2 : null,
        class: "fg-group",
        tabIndex: isOpen ? 0 : -1,
        "aria-pressed": isOpen,
        "aria-label": by === "person" ? void 0 : label,
        title: label,
        onClick: () => void desk.openGroup(group.key),
        children: [
          /* @__PURE__ */ a3(Portrait, { desk, faceId: group.cover[0] }),
          /* @__PURE__ */ a3("small", { children: [
            by === "person" && /* @__PURE__ */ a3($, { children: [
              /* @__PURE__ */ a3("span", { class: "fg-group-name", children: group.label }),
              " "
            ] }),
            number(group.toConfirm || group.faces),
            group.isMixed && /* @__PURE__ */ a3("span", { "aria-hidden": "true", children: " ≠" })
          ] })
        ]
      },
      group.key
    );
  }) });
}

// src/threshold.tsx
var STEP2 = 5e-3;
function Threshold({ desk, stage }) {
  const { query, histogram, threshold, pages, above, selection } = desk.state;
  if (query.place !== "unconfirmed" || !query.personId || !histogram?.bins.length || desk.state.found) return null;
  const low = Math.floor(histogram.bins[0].low / STEP2) * STEP2;
  const high = Math.ceil(histogram.bins.at(-1).high / STEP2) * STEP2;
  const value = threshold ?? low;
  const passing = threshold === null ? pages.total : above ?? estimate(histogram, value);
  const below = pages.total - passing;
  const drag = (to) => desk.setThreshold(to <= low ? null : to);
  return /* @__PURE__ */ a3("div", { class: "fg-threshold", children: [
    /* @__PURE__ */ a3("div", { class: "fg-histogram", children: [
      /* @__PURE__ */ a3(Bars, { histogram, from: value, low, high }),
      /* @__PURE__ */ a3(
        "input",
        {
          type: "range",
          min: low,
          max: high,
          step: STEP2,
          value,
          "aria-label": "Confirm from this similarity on",
          "aria-valuetext": `similarity ${similarity(value)}: ${passing} above, ${below} below`,
          onInput: (event) => drag(Number(event.currentTarget.value))
        }
      )
    ] }),
    /* @__PURE__ */ a3("output", { class: "fg-threshold-text", children: [
      "from ",
      similarity(value),
      ": ",
      /* @__PURE__ */ a3("b", { children: number(passing) }),
      below > 0 && `, ${number(below)} below`
    ] }),
    /* @__PURE__ */ a3("div", { class: "fg-threshold-actions", children: [
      /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button",
          "data-action": "confirm",
          disabled: desk.state.isBusy || !isEmpty(selection) || !passing,
          onClick: () => void desk.decisions.confirm().then(() => stage.focusGrid()),
          children: [
            "Confirm ",
            number(passing)
          ]
        }
      ),
      below > 0 && /* @__PURE__ */ a3(
        "button",
        {
          type: "button",
          class: "fg-button",
          "data-action": "reject-below",
          disabled: desk.state.isBusy || !isEmpty(selection),
          onClick: () => void desk.decisions.reject(true).then(() => stage.focusGrid()),
          children: [
            "Reject the ",
            number(below),
            " below"
          ]
        }
      ),
      /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", onClick: () => void act({ do: "group", by: 1 }, desk, stage), children: [
        "Next person ",
        /* @__PURE__ */ a3("kbd", { children: "Alt+↓" })
      ] })
    ] })
  ] });
}
function Bars({ histogram, from, low, high }) {
  const most = Math.max(...histogram.bins.map((bin) => bin.faces), 1);
  const x2 = (value) => 100 * (value - low) / Math.max(high - low, STEP2);
  return /* @__PURE__ */ a3("svg", { viewBox: "0 0 100 40", preserveAspectRatio: "none", "aria-hidden": "true", children: histogram.bins.map((bin) => {
    const height = bin.faces ? Math.max(1.5, 38 * bin.faces / most) : 0;
    return /* @__PURE__ */ a3(
      "rect",
      {
        x: x2(bin.low),
        width: Math.max(0.4, x2(bin.high) - x2(bin.low) - 0.3),
        y: 40 - height,
        height,
        class: bin.high <= from ? "fg-bin-below" : "fg-bin"
      },
      bin.low
    );
  }) });
}
function estimate(histogram, from) {
  return Math.round(histogram.bins.reduce((sum, bin) => {
    const share2 = (bin.high - Math.max(bin.low, Math.min(from, bin.high))) / Math.max(bin.high - bin.low, 1e-9);
    return sum + bin.faces * Math.min(1, Math.max(0, share2));
  }, 0));
}

// src/app.tsx
function App({ desk, takesFocus }) {
  const [, redraw] = d2(0);
  const root = T2(null);
  const box = T2(null);
  const entry = T2(null);
  const grid = T2(null);
  const { state } = desk;
  const view = viewOf(state.view);
  const isCards = showsCards(state.query);
  const stage = w2(() => ({
    focusGrid: () => setTimeout(() => {
      if (desk.state.photo || desk.state.split) return;
      if (viewOf(desk.state.view)) return root.current?.querySelector(".fg-view")?.focus({ preventScroll: true });
      if (showsCards(desk.state.query)) root.current?.querySelector(".fg-card[tabindex='0']")?.focus({ preventScroll: true });
      else grid.current?.focus();
    }),
    focusEntry: (letter = "") => {
      if (letter) desk.type(desk.state.typed + letter);
      const field = entry.current ?? root.current?.querySelector(".fg-search");
      field?.focus({ preventScroll: true });
      queueMicrotask(() => field?.setSelectionRange(field.value.length, field.value.length));
    },
    moveTo: (key, isExtending) => void grid.current?.move(key, isExtending)
  }), []);
  F2(() => {
    redraw((count) => count + 1);
    return desk.store.subscribe(() => redraw((count) => count + 1));
  }, []);
  A2(() => {
    if (isCards || view || !box.current) return;
    grid.current = new GridView(box.current, desk);
    return () => {
      grid.current?.close();
      grid.current = null;
    };
  }, [isCards, view]);
  A2(() => {
    if (takesFocus && !state.isLoading) stage.focusGrid();
  }, [state.isLoading && state.pages.query.place]);
  const photoOpen = state.photo !== null;
  A2(() => {
    if (!photoOpen) return;
    return () => stage.focusGrid();
  }, [photoOpen]);
  const keydown = (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    const where = view ? "control" : whereOf(event.target);
    const key = { key: event.key, code: event.code, shift: event.shiftKey, ctrl: event.ctrlKey || event.metaKey, alt: event.altKey };
    const command = commandOf(key, where, state.typed, shownNames(state).length);
    if (!command || where === "cards" && passesBy(command.do)) return;
    event.preventDefault();
    event.stopPropagation();
    void act(command, desk, stage);
  };
  A2(() => {
    if (!takesFocus) return;
    const fromNowhere = (event) => event.target === document.body && keydown(event);
    document.addEventListener("keydown", fromNowhere);
    return () => document.removeEventListener("keydown", fromNowhere);
  });
  return /* @__PURE__ */ a3("div", { class: "fg-root", ref: root, onKeyDown: keydown, "data-lm-suppress-shortcuts": "true", "data-busy": state.isBusy || state.isLoading || state.asking.isLoading ? "" : void 0, children: [
    /* @__PURE__ */ a3("div", { class: "fg-columns", inert: state.photo !== null || state.split !== null, children: [
      /* @__PURE__ */ a3(Sidebar, { desk, stage }),
      /* @__PURE__ */ a3("main", { class: "fg-main", "aria-label": view?.label ?? "Faces", children: view ? /* @__PURE__ */ a3($, { children: [
        /* @__PURE__ */ a3(Panel, { desk }),
        /* @__PURE__ */ a3(view.Component, { desk, stage })
      ] }) : /* @__PURE__ */ a3($, { children: [
        /* @__PURE__ */ a3(Head, { desk, stage }),
        /* @__PURE__ */ a3(Panel, { desk }),
        /* @__PURE__ */ a3(Strip, { desk }),
        /* @__PURE__ */ a3(Threshold, { desk, stage }),
        /* @__PURE__ */ a3("div", { class: "fg-stage", children: [
          isCards ? /* @__PURE__ */ a3(Cards, { desk }) : /* @__PURE__ */ a3("div", { class: "fg-grid", ref: box, role: "grid", "aria-label": "Faces", "aria-multiselectable": true, tabIndex: -1, hidden: !state.pages.total }, "grid"),
          !isCards && !state.pages.total && !state.isLoading && /* @__PURE__ */ a3(Nothing, { desk, stage })
        ] }),
        !isCards && /* @__PURE__ */ a3(Bar, { desk, stage, entry })
      ] }) })
    ] }),
    state.photo && /* @__PURE__ */ a3(PhotoView, { desk }),
    state.split && /* @__PURE__ */ a3(SplitView, { desk, stage }),
    /* @__PURE__ */ a3("p", { class: `fg-notice fg-${state.notice.kind}`, role: "status", children: /* @__PURE__ */ a3("span", { children: state.notice.text }, state.notice.number) })
  ] });
}
function whereOf(target) {
  if (target.closest(".fg-photo-view")) return "photo";
  if (target.closest(".fg-bar .fg-entry")) return "entry";
  if (target.closest(".fg-card")) return "cards";
  return target.closest(".fg-grid") || target.matches(".fg-root, body") ? "grid" : "control";
}
function passesBy(command) {
  return ["take", "takeAsTyped", "move", "photo", "toggle", "all", "reject", "suggestion"].includes(command);
}
function Nothing({ desk, stage }) {
  const { places, query } = desk.state;
  const texts = {
    to_name: "Every group has a name.",
    unconfirmed: "No face waits to be confirmed.",
    unknown: "Every face has a name or a group.",
    ignored: "No face is ignored.",
    hidden: "Nobody is hidden.",
    missing: "No photo is missing.",
    people: "No face is left here.",
    all: "No face fits."
  };
  const waiting = ["unconfirmed", "unknown"].filter((place) => place !== query.place && places.some((found) => found.place === place && found.faces));
  return /* @__PURE__ */ a3("div", { class: "fg-nothing", children: /* @__PURE__ */ a3("div", { children: [
    /* @__PURE__ */ a3("p", { children: texts[query.place] ?? "Nothing is here." }),
    (query.place === "to_name" || query.place === "unconfirmed") && waiting.map((place) => /* @__PURE__ */ a3("p", { children: /* @__PURE__ */ a3("button", { type: "button", class: "fg-button", "data-waiting": place, onClick: () => void act({ do: "place", number: PLACES.indexOf(place) + 1 }, desk, stage), children: [
      LABELS[place],
      ": ",
      counted(places.find((found) => found.place === place).faces),
      " ",
      /* @__PURE__ */ a3("kbd", { children: [
        "Alt+",
        PLACES.indexOf(place) + 1
      ] })
    ] }) }, place))
  ] }) });
}

// src/desk.ts
var GROUPS = 200;
var BINS2 = 40;
var FOUND = 200;
var MOST_BY_RANGE = 1e4;
var SUGGEST_AFTER_MS = 120;
var Desk = class {
  constructor(api, pictures, address) {
    this.api = api;
    this.pictures = pictures;
    this.address = address;
    const { query, tile, view } = fromFragment(address.read());
    this.store = new Store({ ...firstState(api, query, tile ?? 112), view });
    this.decisions = new Decisions(this);
    this.questions = new Questions(this);
  }
  api;
  pictures;
  address;
  store;
  decisions;
  questions;
  turn = 0;
  // of loading: what an earlier one brings is passed over
  timer;
  thresholdTimer;
  get state() {
    return this.store.state;
  }
  async start() {
    await Promise.all([this.refreshPlaces(), this.refreshNames(), this.visit(this.state.query)]);
  }
  /** What the address says, when its reader went back. */
  async follow() {
    const { query, view } = fromFragment(this.address.read());
    this.store.set({ view });
    await this.visit(query);
  }
  /** Show a view in place of the grid. */
  openView(view) {
    this.store.set({ view, panel: null, photo: null });
    this.address.write(toFragment(this.state.query, this.state.tile, view), true);
  }
  async goTo(place) {
    this.store.set({ panel: null, photo: null, view: null });
    await this.visit({ place });
    if (showsCards(this.state.query)) return;
    this.store.tell(this.state.pages.total ? "" : "Nothing is here.");
  }
  /** All faces of one day. */
  async openDay(day2) {
    this.store.set({ view: null, panel: null, photo: null });
    await this.visit({ place: "all", day: day2 });
  }
  /** Open a place as a query has it: at its first group where it names none. */
  async visit(query) {
    const by = groupedBy(query.place);
    this.store.set({ groups: query.place === this.state.query.place ? this.state.groups : [] });
    const turn2 = ++this.turn;
    if (by === null) return this.open(query);
    this.store.set({ query, isLoading: true, found: null });
    const groups = await this.guarded(() => this.api.groups(withGroup(query, void 0), by, orderOf(this.state, query.place), 0, GROUPS));
    if (!groups || turn2 !== this.turn) return;
    this.store.set({ groups: groups.groups, groupsTotal: groups.total });
    if (showsCards(query)) return this.showCards(query);
    await this.open(withGroup(query, groupKey(query) ?? groups.groups[0]?.key));
  }
  /** Show the faces of a query. `keeps`: the selection and the place in the grid stay. */
  async open(query, keeps = false) {
    const turn2 = ++this.turn;
    const isNewPlace = query.place !== this.state.query.place;
    const pages = new Pages(this.api, { ...usualSort(query), ...query });
    if (!keeps) this.store.set({ query, isLoading: true, found: null });
    const place = keeps ? this.state.selection.at : 0;
    const isEmptyPlace = groupedBy(query.place) !== null && groupKey(query) === void 0;
    const loaded = isEmptyPlace || await this.guarded(() => pages.ensure(Math.max(0, place - PAGE), place + PAGE).then(() => true));
    if (turn2 !== this.turn) return;
    if (!loaded) return this.store.set({ isLoading: false });
    this.address.write(toFragment(query, this.state.tile, this.state.view), isNewPlace);
    const selection = keeps ? { ...this.state.selection, at: Math.max(0, Math.min(place, pages.total - 1)) } : NOTHING;
    const fresh = keeps ? {} : { suggestions: [], threshold: null, above: null, histogram: null };
    this.store.set({ pages, selection, isLoading: false, ...fresh });
    this.suggestSoon();
    if (query.place === "unconfirmed" && query.personId) void this.readHistogram(query);
    void this.prepareNext();
  }
  async openGroup(key) {
    await this.open(withGroup(this.state.query, key));
    const at = this.state.groups.findIndex((group) => group.key === key);
    if (at > this.state.groups.length - 20) await this.moreGroups();
  }
  /** The group before or after; nothing where there is none. */
  async stepGroup(by) {
    const { groups, query } = this.state;
    const next3 = groups[groups.findIndex((group) => group.key === groupKey(query)) + by];
    if (next3) await this.openGroup(next3.key);
  }
  async moreGroups() {
    const { groups, groupsTotal, query } = this.state;
    const by = groupedBy(query.place);
    if (by === null || groups.length >= groupsTotal) return;
    const more = await this.guarded(() => this.api.groups(withGroup(query, void 0), by, orderOf(this.state, query.place), groups.length, GROUPS));
    const known = new Set(this.state.groups.map((group) => group.key));
    if (more) this.store.set({ groups: [...this.state.groups, ...more.groups.filter((group) => !known.has(group.key))] });
  }
  async back() {
    if (this.state.found) return this.open(this.state.query);
    if (groupedBy(this.state.query.place) === "person" && this.state.query.place !== "unconfirmed" && this.state.query.personId)
      await this.visit(withGroup(this.state.query, void 0));
  }
  async orderCards(order) {
    this.store.set({ order });
    await this.visit(this.state.query);
  }
  async filter(filters) {
    const { place, clusterId } = this.state.query;
    const cleared = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== void 0 && value !== ""));
    const query = { place, ...cleared };
    if (clusterId) query.clusterId = clusterId;
    await (groupedBy(place) ? this.visit(query) : this.open(query));
  }
  /** Faces that look like this one, unnamed ones too. */
  async searchLike(of) {
    const found = await this.guarded(() => of instanceof FormData ? this.api.search(of) : this.api.like(of.faceId, FOUND));
    if (!found) return;
    this.showFaces(found.faces, found.notes?.length ? found.notes.join("; ") : `${found.faces.length} faces like it, most alike first. Esc goes back.`);
  }
  /** Show these faces in the grid, in place of what a query means. */
  showFaces(faces, text) {
    const page = { total: faces.length, offset: 0, revision: "", faces };
    const pages = new Pages({ grid: async (_query, offset) => ({ ...page, offset, faces: faces.slice(offset, offset + PAGE) }) }, this.state.query);
    void pages.ensure(0, faces.length).then(() => {
      this.store.set({ found: faces, pages, selection: NOTHING, suggestions: [], photo: null, view: null });
      this.store.tell(text);
    });
  }
  // --- keeping up
  async refreshPlaces() {
    const found = await this.guarded(() => this.api.places());
    if (found) this.store.set({ places: found.places, latestEvent: Math.max(found.latestEvent, this.state.latestEvent) });
  }
  async refreshNames() {
    const found = await this.guarded(() => this.api.names());
    if (found) this.store.set({ names: found.names });
  }
  /** Show what there is now; a group that is gone makes way for the one behind it. */
  async refresh(keeps = true) {
    const { query, groups } = this.state;
    const by = groupedBy(query.place);
    if (this.state.found) return this.refreshPlaces();
    if (by === null) return void await Promise.all([this.refreshPlaces(), this.open(query, keeps)]);
    const at = groups.findIndex((group) => group.key === groupKey(query));
    const [now] = await Promise.all([this.guarded(() => this.groupsUpTo(query, by, at)), this.refreshPlaces()]);
    if (!now || this.state.query !== query) return;
    this.store.set({ groups: now.groups, groupsTotal: now.total });
    if (showsCards(query)) return;
    const isThere = now.groups.some((group) => group.key === groupKey(query));
    const next3 = now.groups[Math.min(Math.max(at, 0), now.groups.length - 1)];
    if (isThere || query.place === "people" || query.place === "hidden") await this.open(query, keeps);
    else await this.open(withGroup(query, next3?.key));
  }
  // --- choosing
  choose(selection) {
    this.store.set({ selection });
    this.suggestSoon();
  }
  /** A name is typed; without one there are suggestions again. */
  type(typed) {
    this.store.set({ typed, picked: -1, asked: "" });
    if (!typed) this.suggestSoon();
  }
  /** Draw the range up to a tile; what of it is not at hand is fetched. */
  async extendTo(to) {
    const { selection, pages } = this.state;
    if (Math.abs(to - selection.anchor) >= MOST_BY_RANGE) return this.store.tell("A range may have 10,000 faces: Ctrl+A takes all", "problem");
    this.store.set({ selection: { ...selection, at: to } });
    const ids = await this.guarded(() => pages.idsBetween(selection.anchor, to));
    if (ids && this.state.pages === pages && this.state.selection.at === to) this.choose(extend(this.state.selection, to, ids));
  }
  /** The chosen faces that are at hand. */
  chosen() {
    const { selection, pages } = this.state;
    return [...pages.loaded()].filter((tile) => isChosen(selection, tile.faceId));
  }
  setThreshold(threshold) {
    this.store.set({ threshold, above: null });
    clearTimeout(this.thresholdTimer);
    if (threshold === null) return;
    this.thresholdTimer = setTimeout(() => void this.countAbove(threshold), 80);
  }
  setTile(tile) {
    this.store.set({ tile: Math.round(Math.min(256, Math.max(48, tile))) });
    this.address.write(toFragment(this.state.query, this.state.tile, this.state.view), false);
  }
  // --- inside
  async groupsUpTo(query, by, at) {
    const windows = Array.from({ length: Math.floor(Math.max(at, 0) / GROUPS) + 1 }, (_3, window2) => window2 * GROUPS);
    const found = await Promise.all(windows.map((offset) => this.api.groups(withGroup(query, void 0), by, orderOf(this.state, query.place), offset, GROUPS)));
    return { total: found[0]?.total ?? 0, groups: found.flatMap((window2) => window2.groups) };
  }
  async guarded(work) {
    try {
      return await work();
    } catch (error) {
      this.store.tell(error instanceof Error ? error.message : String(error), "problem");
      return null;
    }
  }
  showCards(query) {
    const pages = new Pages(this.api, query);
    const isNewPlace = this.state.pages.query.place !== query.place;
    this.store.set({ query, pages, isLoading: false, selection: NOTHING, suggestions: [] });
    this.address.write(toFragment(query, this.state.tile, this.state.view), isNewPlace);
  }
  async countAbove(threshold) {
    const { query } = this.state;
    const page = await this.guarded(() => this.api.grid({ ...query, minSimilarity: threshold }, 0, 1));
    if (page && this.state.threshold === threshold && this.state.query === query) this.store.set({ above: page.total });
  }
  async readHistogram(query) {
    const histogram = await this.guarded(() => this.api.histogram(query, "similarity", BINS2));
    if (this.state.query === query) this.store.set({ histogram });
  }
  suggestSoon() {
    clearTimeout(this.timer);
    const group = openGroup(this.state);
    const isAll = isEmpty(this.state.selection);
    if (isAll) this.store.set({ suggestions: group?.suggestion ? [group.suggestion] : [] });
    if (this.state.query.place === "to_name" || !isAll) this.timer = setTimeout(() => void this.suggest(group, isAll), isAll ? 0 : SUGGEST_AFTER_MS);
  }
  async suggest(group, isAll) {
    const { selection, pages, query, typed, isBusy } = this.state;
    if (isAll && !group || typed.trim() || isBusy) return;
    const faceIds = this.chosen().slice(0, 200).map((tile) => tile.faceId);
    if (!isAll && !faceIds.length) return;
    try {
      const found = await this.api.suggest(isAll ? { query } : { faceIds });
      if (this.state.selection === selection && this.state.pages === pages) this.store.set({ suggestions: found.suggestions });
    } catch {
      return;
    }
  }
  /** Have the next group's faces at hand before they are asked for. */
  async prepareNext() {
    const { groups, query } = this.state;
    const next3 = groups[groups.findIndex((group) => group.key === groupKey(query)) + 1];
    if (!next3 || groupKey(query) === void 0 || showsCards(query)) return;
    try {
      const ahead = withGroup(query, next3.key);
      const page = await this.api.grid({ ...usualSort(ahead), ...ahead }, 0, 60);
      if (this.state.query === query) this.pictures.wantLater(page.faces.map((face) => face.faceId));
    } catch {
      return;
    }
  }
};

// src/pictures.ts
var AT_ONCE2 = 60;
var REQUESTS = 3;
var KEPT2 = 3e3;
var SIZES = [64, 112, 224, 448];
var Pictures = class {
  constructor(api, make = URL) {
    this.api = api;
    this.make = make;
  }
  api;
  make;
  urls = /* @__PURE__ */ new Map();
  // face → address, "" where there is none; least recently used first
  coming = /* @__PURE__ */ new Set();
  wanted = [];
  also = /* @__PURE__ */ new Set();
  // wanted beside the grid: covers
  later = [];
  // likely to be wanted next
  size = 112;
  running = 0;
  listeners = /* @__PURE__ */ new Set();
  /** The picture's address, "" where it is not to be had, undefined as long as it has not come. */
  of(faceId) {
    const url = this.urls.get(faceId);
    if (url !== void 0) {
      this.urls.delete(faceId);
      this.urls.set(faceId, url);
    }
    return url;
  }
  /** What is in sight now, most important first; what was wanted before and is not any more is not fetched. */
  want(faceIds) {
    this.wanted = faceIds;
    this.fetch();
  }
  /** What is likely to be in sight next, fetched when all else has come. */
  wantLater(faceIds) {
    this.later = faceIds;
    this.fetch();
  }
  wantAlso(faceId) {
    this.also.add(faceId);
    queueMicrotask(() => this.fetch());
  }
  /** Tiles are so many pixels wide on the screen: pictures of another size are fetched anew. */
  showAt(pixels) {
    const size = SIZES.find((known) => known >= pixels * 0.9) ?? SIZES.at(-1);
    if (size === this.size) return false;
    const isLarger = size > this.size;
    this.size = size;
    if (isLarger) this.forget();
    return isLarger;
  }
  onPictures(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  forget(faceIds = [...this.urls.keys()]) {
    for (const id of faceIds) {
      const url = this.urls.get(id);
      if (url) this.make.revokeObjectURL(url);
      this.urls.delete(id);
    }
  }
  fetch() {
    while (this.running < REQUESTS) {
      const isNew = (id) => !this.urls.has(id) && !this.coming.has(id);
      const missing = [...this.also, ...this.wanted, ...this.later].filter(isNew).slice(0, AT_ONCE2);
      if (!missing.length) return;
      this.running += 1;
      missing.forEach((id) => this.coming.add(id));
      void this.load(missing);
    }
  }
  async load(ids) {
    let pictures = [];
    let isAnswered = true;
    try {
      pictures = await this.api.thumbnails(ids, this.size);
    } catch {
      isAnswered = false;
    }
    ids.forEach((id, place) => {
      this.coming.delete(id);
      this.also.delete(id);
      const jpeg = pictures[place];
      if (isAnswered) this.keep(id, jpeg?.length ? this.make.createObjectURL(new Blob([jpeg], { type: "image/jpeg" })) : "");
    });
    this.running -= 1;
    this.listeners.forEach((listener) => listener(ids));
    if (isAnswered) this.fetch();
  }
  keep(id, url) {
    this.urls.set(id, url);
    if (this.urls.size <= KEPT2) return;
    const needed = new Set(this.wanted);
    for (const oldest of this.urls.keys()) {
      if (this.urls.size <= KEPT2) return;
      if (!needed.has(oldest)) this.forget([oldest]);
    }
  }
};

// src/watch.ts
var EVERY_MS = 1500;
var Watch = class {
  constructor(desk, isSeen) {
    this.desk = desk;
    this.isSeen = isSeen;
    this.again();
  }
  desk;
  isSeen;
  timer;
  revision = "";
  close() {
    clearTimeout(this.timer);
  }
  again() {
    this.timer = setTimeout(() => void this.look().finally(() => this.again()), EVERY_MS);
  }
  async look() {
    const { desk } = this;
    if (!this.isSeen() || desk.state.isBusy || desk.state.isLoading) return;
    try {
      const { latestEvent } = desk.state;
      const found = await desk.api.changes(latestEvent);
      const isKnown = found.revision === this.revision || !this.revision || found.revision === desk.state.pages.revision;
      this.revision = found.revision;
      if (desk.state.isBusy || desk.state.latestEvent !== latestEvent) return;
      if (isKnown && found.latestEvent <= latestEvent) return;
      desk.store.set({ latestEvent: found.latestEvent });
      await Promise.all([desk.refresh(), desk.refreshNames()]);
      if (found.texts.length) desk.store.tell(found.texts.slice(-3).join("; "));
    } catch {
      return;
    }
  }
};

// src/main.tsx
var PAGE2 = {
  read: () => location.hash,
  write: (fragment, isNewPlace) => {
    if (location.hash.slice(1) === fragment) return;
    if (isNewPlace) history.pushState(null, "", `#${fragment}`);
    else history.replaceState(null, "", `#${fragment}`);
  }
};
var NOWHERE = { read: () => "", write: () => void 0 };
function open(root, transport, address, takesFocus) {
  const api = new Api(transport);
  const pictures = new Pictures(api);
  const desk = new Desk(api, pictures, address);
  Q(/* @__PURE__ */ a3(App, { desk, takesFocus }), root);
  void desk.start();
  const watch = new Watch(desk, () => document.visibilityState === "visible" && root.isConnected);
  return {
    desk,
    close: () => {
      watch.close();
      Q(null, root);
      pictures.forget();
    }
  };
}
function mount(root) {
  root.classList.add("fg-page");
  const { desk } = open(root, new FetchTransport(), PAGE2, true);
  window.addEventListener("popstate", () => void desk.follow());
}
var main_default = {
  /** A cell's output: it takes the keyboard only once somebody goes there. */
  render({ model, el }) {
    const root = document.createElement("div");
    root.className = "fg-cell";
    el.append(root);
    const transport = new CommTransport(model);
    const { close } = open(root, transport, NOWHERE, false);
    return () => {
      close();
      transport.close();
    };
  }
};
export {
  main_default as default,
  mount
};
