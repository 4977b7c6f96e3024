"""Our icons: the inside of each 24 × 24 drawing, stroked in the colour of the text around it."""

ICONS: dict[str, str] = {
    "activity": '<path d="M3 12h4l3 8 4-16 3 8h4"/>',
    "alert": '<path d="M12 4 2.8 19.5h18.4L12 4Z"/><path d="M12 10v4.5M12 17.2v.3"/>',
    "archive": '<path d="M4 8v11h16V8M3 4.5h18V8H3zM10 12h4"/>',
    "arrow-left": '<path d="M20 12H4.5M11 5.5 4.5 12l6.5 6.5"/>',
    "arrow-right": '<path d="M4 12h15.5M13 5.5l6.5 6.5-6.5 6.5"/>',
    "building": '<path d="M5 21V4h9v17M14 9h5v12M3 21h18M8 8h3M8 12h3M8 16h3"/>',
    "calendar": '<path d="M4 6h16v14H4zM4 10.5h16M8.5 3.5V8M15.5 3.5V8"/>',
    "check": '<path d="m4.5 12.5 5 5L19.5 7"/>',
    "check-circle": '<circle cx="12" cy="12" r="9"/><path d="m8 12.3 2.8 2.8L16 9.6"/>',
    "chevron-down": '<path d="m6 9.5 6 6 6-6"/>',
    "chevron-left": '<path d="m14.5 6-6 6 6 6"/>',
    "chevron-right": '<path d="m9.5 6 6 6-6 6"/>',
    "chevron-up": '<path d="m6 14.5 6-6 6 6"/>',
    "clock": '<circle cx="12" cy="12" r="9"/><path d="M12 7v5.3l3.3 2"/>',
    "copy": '<path d="M9 9h11v11H9z"/><path d="M5 15H4V4h11v1"/>',
    "disc": '<circle cx="12" cy="12" r="9"/><circle cx="12" cy="12" r="2.5"/>',
    "dots": '<path d="M5 12h.01M12 12h.01M19 12h.01" stroke-width="3"/>',
    "download": '<path d="M12 4v11.5M7 11l5 5 5-5M4.5 20h15"/>',
    "edit": '<path d="M4 20h4L19.5 8.5l-4-4L4 16zM13 7l4 4"/>',
    "external": '<path d="M13 4.5h6.5V11M19 5l-9 9M10 6H4.5v13.5H18V14"/>',
    "eye": '<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z"/>'
    '<circle cx="12" cy="12" r="2.8"/>',
    "file": '<path d="M6 3.5h8l4.5 4.5v12.5H6zM13.5 3.5v5h5"/>',
    "filter": '<path d="M3.5 6h17M7 12h10M10.5 18h3"/>',
    "folder": '<path d="M3 19V5.5h6.5L12 8h9v11z"/>',
    "image": '<path d="M4 4.5h16v15H4z"/><circle cx="9" cy="9.5" r="1.6"/>'
    '<path d="m4.5 17 5-4.5 3.2 2.7 3-2.7 4 3.5"/>',
    "inbox": '<path d="M3.5 13 6.5 5h11l3 8v6.5h-17zM3.5 13h5l1.2 2.5h4.6l1.2-2.5h5"/>',
    "info": '<circle cx="12" cy="12" r="9"/><path d="M12 11v5.5M12 7.6v.3"/>',
    "key": '<circle cx="8" cy="15.5" r="4"/><path d="m11 12.5 8.5-8.5M16 7.5l3 3"/>',
    "link": '<path d="M10 13.8a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.6L12 6.9"/>'
    '<path d="M14 10.2a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.6l1.3-1.3"/>',
    "list": '<path d="M8.5 6.5H20M8.5 12H20M8.5 17.5H20M4 6.5h.6M4 12h.6M4 17.5h.6"/>',
    "lock": '<path d="M5 11h14v9.5H5zM8 11V8a4 4 0 0 1 8 0v3"/>',
    "mail": '<path d="M3 5.5h18v13H3zM3.5 6.5 12 13l8.5-6.5"/>',
    "menu": '<path d="M4 6.5h16M4 12h16M4 17.5h16"/>',
    "moon": '<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z"/>',
    "passkey": '<circle cx="9" cy="7.5" r="3.8"/><path d="M2.5 20c.4-4 3-6.3 6.5-6.3 1.2 0 2.3.3 3.3.8"/>'
    '<circle cx="17.5" cy="13" r="2.8"/><path d="M17.5 16v5.5l-1.6-1.3M17.5 18.7h1.8"/>',
    "pause": '<path d="M8 5v14M16 5v14" stroke-width="2.6"/>',
    "people": '<circle cx="9" cy="8" r="3.5"/><path d="M2.5 20c.3-4 2.8-6.2 6.5-6.2s6.2 2.2 6.5 6.2"/>'
    '<path d="M15.5 4.8a3.3 3.3 0 0 1 0 6.4M17.5 14c2.4.8 3.8 2.8 4 6"/>',
    "phone": '<path d="M7 2.5h10v19H7zM11 18.5h2"/>',
    "play": '<path d="M7 4.5v15l12-7.5z"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "printer": '<path d="M7 9V3.5h10V9M7 17H3.5V9h17v8H17M7 14h10v6.5H7z"/>',
    "qr": '<path d="M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2.5v2.5H14zM20 14v3M17 20h3"/>',
    "refresh": '<path d="M20 5v5h-5M4 19v-5h5"/><path d="M5.2 9.5A7.5 7.5 0 0 1 18.5 7L20 10'
    'M4 14l1.5 3a7.5 7.5 0 0 0 13.3-2.5"/>',
    "search": '<circle cx="10.5" cy="10.5" r="6.5"/><path d="m15.5 15.5 5 5"/>',
    "settings": '<path d="M4 7h9M19 7h1M4 17h1M11 17h9"/><circle cx="16" cy="7" r="2.5"/>'
    '<circle cx="8" cy="17" r="2.5"/>',
    "share": '<path d="M12 15V3.5M7.5 7.5 12 3l4.5 4.5M5 11.5v9h14v-9"/>',
    "shield": '<path d="M12 3 4.5 6v5.5c0 4.5 3 8 7.5 9.5 4.5-1.5 7.5-5 7.5-9.5V6z"/>'
    '<path d="m8.8 11.8 2.3 2.3 4-4.3"/>',
    "sign-out": '<path d="M10 4H4.5v16H10M15 7.5l4.5 4.5-4.5 4.5M19 12H9.5"/>',
    "sun": '<circle cx="12" cy="12" r="4"/><path d="M12 2.5V5M12 19v2.5M2.5 12H5M19 12h2.5'
    'M5.3 5.3 7 7M17 17l1.7 1.7M5.3 18.7 7 17M17 7l1.7-1.7"/>',
    "trash": '<path d="M4 6.5h16M9 6V3.5h6V6M6 6.5 7 20.5h10l1-14M10 10.5v6M14 10.5v6"/>',
    "upload": '<path d="M12 16V4.5M7 9.5l5-5 5 5M4 15.5v4.5h16v-4.5"/>',
    "user": '<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5c.4-4.3 3.2-6.7 7.5-6.7s7.1 2.4 7.5 6.7"/>',
    "wifi-off": '<path d="M3 3l18 18M5 12.5a10 10 0 0 1 4-2.4M2 9a15 15 0 0 1 5-3M12 6c3.8 0 7.3 1.2 10 3.5'
    'M16 11a10 10 0 0 1 3 1.8M8.7 16a5 5 0 0 1 5.5-.6M12 19.5h.01"/>',
    "x": '<path d="M5.5 5.5l13 13M18.5 5.5l-13 13"/>',
}
