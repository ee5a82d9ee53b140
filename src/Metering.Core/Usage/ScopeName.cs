namespace Metering.Core.Usage;

/// <summary>
/// Names of scopes, as they are keys of topics and stand in decisions: <c>*</c>, <c>tenant=acme</c>,
/// <c>tenant=acme/model=gpt-4o</c>, <c>tenant=acme,blue</c> for two that share one account. In a value, the characters that
/// join parts of a name or of a key are written as URLs write them, so that no two scopes have one name: % as %25, / as %2F,
/// | as %7C, a comma as %2C. Built in place, without garbage.
/// </summary>
public ref struct ScopeName(Span<byte> buffer)
{
    /// <summary>Room for two dimensions whose names of 512 bytes are all to be escaped.</summary>
    public const int MaxBytes = (2 * (16 + (3 * 512))) + 1;

    private readonly Span<byte> _buffer = buffer;
    private int _length;

    /// <summary>All usage.</summary>
    public static ReadOnlySpan<byte> All => "*"u8;

    /// <summary>The name so far, UTF-8.</summary>
    public readonly ReadOnlySpan<byte> Utf8 => _buffer[.._length];

    /// <summary>Begins anew with a dimension and its value.</summary>
    public void Set(ReadOnlySpan<byte> dimension, ReadOnlySpan<byte> value)
    {
        _length = 0;
        Append(dimension, value);
    }

    /// <summary>Narrows the scope by one more dimension.</summary>
    public void Narrow(ReadOnlySpan<byte> dimension, ReadOnlySpan<byte> value)
    {
        _buffer[_length++] = (byte)'/';
        Append(dimension, value);
    }

    /// <summary>Widens the scope by one more value of its last dimension; values stand in the order of their bytes.</summary>
    public void Share(ReadOnlySpan<byte> value)
    {
        _buffer[_length++] = (byte)',';
        AppendValue(value);
    }

    private void Append(ReadOnlySpan<byte> dimension, ReadOnlySpan<byte> value)
    {
        dimension.CopyTo(_buffer[_length..]);
        _length += dimension.Length;
        _buffer[_length++] = (byte)'=';
        AppendValue(value);
    }

    private void AppendValue(ReadOnlySpan<byte> value)
    {
        if (value.IndexOfAny("%/|,"u8) >= 0)
        {
            AppendEscaped(value);
            return;
        }
        value.CopyTo(_buffer[_length..]);
        _length += value.Length;
    }

    private void AppendEscaped(ReadOnlySpan<byte> value)
    {
        foreach (var one in value)
        {
            var escaped = one switch
            {
                (byte)'%' => "%25"u8,
                (byte)'/' => "%2F"u8,
                (byte)'|' => "%7C"u8,
                (byte)',' => "%2C"u8,
                _ => default,
            };
            if (escaped.IsEmpty)
            {
                _buffer[_length++] = one;
                continue;
            }
            escaped.CopyTo(_buffer[_length..]);
            _length += escaped.Length;
        }
    }
}
