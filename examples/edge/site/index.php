<?php
// A label's site in PHP: it keeps the visit that the gate tells, and reports a pre-save with it.

const GATE = 'http://127.0.0.1:8010';

session_start();

if (!empty($_SERVER['HTTP_X_ESCAPE_VISIT'])) {
    $_SESSION['visit'] = $_SERVER['HTTP_X_ESCAPE_VISIT'];
}

/** Tell the gate that the visitor has done what the site wanted; whatever fails, the page does not. */
function report(string $outcome): void
{
    if (!isset($_SESSION['visit'])) {
        return;
    }
    $gate = getenv('ESCAPE_GATE') ?: GATE;
    @file_get_contents("$gate/_escape/outcome/$outcome", false, stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: application/x-www-form-urlencoded',
        'content' => http_build_query(['visit' => $_SESSION['visit']]),
        'timeout' => 1,
    ]]));
    unset($_SESSION['visit']);
}

switch (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
    case '/listen':
        header('Location: https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC', true, 302);
        break;
    case '/presave':
        echo '<form method="post" action="/presaved"><button>Pre-save</button></form>';
        break;
    case '/presaved':
        report('pre-save');
        echo 'Thank you.';
        break;
    default:
        echo '<a href="/presave">Night Ferry</a>';
}
