// The way to the escape gate, as a Cloudflare Worker. Written by: {{ command }}
// Stamp {{ stamp }}: the same command with --check FILE says whether this file is stale.

const GATE = {{ gates[0] | tojson }};
const STAMP = {{ stamp | tojson }};
const PATIENCE = 4000; // milliseconds; more, where the site's own pages take longer

// Visits that went through the gate before, and come back with its marker.
const MARKER = {{ marker | literal }};

// Visitors in a host app's webview, by their user agent, the package of the app{{ ", Android's webview" if brand }}.
const AGENTS = [
{% for line in agents %}
  {{ line.regex | literal }}i, // {{ line.note }}
{% endfor %}
];
const PACKAGE = {{ (any_package or ("^(?:" ~ packages | map("plain") | join("|") ~ ")$" if packages else "(?!)")) | literal }}i;
const BRAND = {{ brand | tojson }};

// Paths, each with whether it goes to the gate; the first one that fits decides.
{% for name, lines in (("EVERYONE", everyone), ("PLACES", places)) %}
const {{ name }} = [
{% for line in lines %}
  [{{ line.regex | literal }}, {{ line.asks | tojson }}], // {{ line.note }}
{% endfor %}
];
{% endfor %}

const decided = (lines, place) => lines.find(([path]) => path.test(place))?.[1] ?? false;

/** Whether a request goes to the gate. */
export function asks(method, url, headers) {
  const target = url.pathname + url.search;
  if (MARKER.test(target) || target.startsWith("/_escape/")) return true;
  const place = url.hostname + target;
  if (decided(EVERYONE, place)) return true;
  const agent = headers.get("User-Agent") ?? "";
  const isVisitor =
    AGENTS.some((one) => one.test(agent)) ||
    PACKAGE.test(headers.get("X-Requested-With") ?? "") ||
    (BRAND !== "" && (headers.get("Sec-CH-UA") ?? "").includes(BRAND));
  return (
    isVisitor &&
    ["GET", "HEAD", "POST"].includes(method) &&
    !headers.get("Upgrade") &&
    ["", "document"].includes(headers.get("Sec-Fetch-Dest") ?? "") &&
    decided(PLACES, place)
  );
}

const site = (request) => fetch(without(request));

/** The request without what only the gate may tell the site. */
function without(request) {
  const names = [...request.headers.keys()].filter((name) => /^x[-_]escape[-_]/.test(name));
  if (names.length === 0) return request;
  const clean = new Request(request);
  names.forEach((name) => clean.headers.delete(name));
  return clean;
}

async function gate(request, url) {
  const isOwn = url.pathname.startsWith("/_escape/");
  const isRead = request.method === "GET" || request.method === "HEAD";
  const spare = isRead ? request : request.clone();
  try {
    const answer = await fetch(forGate(request, url, isRead || isOwn));
    // Cloudflare's own: the connection was refused, took too long, or could not be made safe.
    return answer.status > 520 && answer.status < 531 ? await instead(spare, url) : answer;
  } catch {
    // A form may have arrived: it is not sent again.
    return isRead || isOwn ? instead(spare, url) : later();
  }
}

function forGate(request, url, isHurried) {
  const asked = new Request(new URL(url.pathname + url.search, GATE), request);
  const told = {
    "X-Forwarded-Host": url.host,
    "X-Forwarded-Proto": url.protocol.slice(0, -1),
    "X-Forwarded-For": request.headers.get("CF-Connecting-IP") ?? "",
    "X-Escape-Stamp": STAMP,
  };
  Object.entries(told).forEach(([name, value]) => asked.headers.set(name, value));
  const patience = isHurried ? { signal: AbortSignal.timeout(PATIENCE) } : {};
  return new Request(asked, { redirect: "manual", cache: "no-store", ...patience });
}

/** What answers without a gate. */
function instead(request, url) {
  if (!url.pathname.startsWith("/_escape/")) return site(request);
  if (/^\/_escape\/(?:e$|links)/.test(url.pathname)) return new Response(null, { status: 204 });
  if (url.pathname !== "/_escape/go") return later();
  return new Response(null, { status: 302, headers: { Location: "/" } });
}

const later = () => new Response(null, { status: 503, headers: { "Retry-After": "60" } });

export default {
  async fetch(request) {
    const url = new URL(request.url);
    return asks(request.method, url, request.headers) ? gate(request, url) : site(request);
  },
};
