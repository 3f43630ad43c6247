export const headers = { "Cache-Control": "no-store" };

export function price(item: Item): string {
  return format(item.net);
}

export function picture(item: Item): string {
  return `${item.picture}?width=1600`;
}
