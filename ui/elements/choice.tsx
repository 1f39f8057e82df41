type Option<T extends string> = {
  readonly value: T
  readonly label: string
  readonly hint?: string
  readonly disabled?: boolean
}

/** One of a few, all visible. Radio buttons underneath, so arrows and screen readers know it. */
export function Choice<T extends string>(props: {
  name: string
  label: string
  value: T
  options: readonly Option<T>[]
  onChange: (value: T) => void
}) {
  return (
    <fieldset class="choice">
      <legend class="unseen">{props.label}</legend>
      {props.options.map((option) => (
        <label key={option.value} title={option.hint} data-value={option.value}>
          <input
            type="radio"
            name={props.name}
            value={option.value}
            checked={option.value === props.value}
            disabled={option.disabled}
            onChange={() => props.onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  )
}
