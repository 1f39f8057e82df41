type Option<T extends string> = {
  readonly value: T
  readonly label: string
}

/** One of a few, all visible. Radio buttons underneath, so arrows and screen readers know it. */
export function Choice<T extends string>(props: {
  name: string
  label: string
  /** One of the options, or none of them. */
  value: string
  options: readonly Option<T>[]
  onChange: (value: T) => void
}) {
  return (
    <fieldset class="choice">
      <legend class="unseen">{props.label}</legend>
      {props.options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={props.name}
            value={option.value}
            checked={option.value === props.value}
            onChange={() => props.onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  )
}
