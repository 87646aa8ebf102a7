/** Usage on its way to a line. */
export function Mark() {
  return (
    <span className="mark">
      <svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
        <path className="mark-way" d="M2 13.5h10" />
        <path className="mark-rest" d="M13 13.5h7" />
        <path className="mark-line" d="M16 5v13" />
      </svg>
      Tripmeter
    </span>
  )
}
