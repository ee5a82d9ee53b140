namespace Metering.Events;

/// <summary>Why a body could not be decoded.</summary>
public enum DecodeError
{
    /// <summary>It could.</summary>
    None,

    /// <summary>The body ends within a value, or a length says more than is left.</summary>
    Truncated,

    /// <summary>A variable-length number is longer than ten bytes or does not fit its type.</summary>
    BadVarint,

    /// <summary>A length or count is negative or beyond 2 GB.</summary>
    BadLength,

    /// <summary>A string is not UTF-8.</summary>
    BadUtf8,

    /// <summary>A boolean is neither 0 nor 1.</summary>
    BadBoolean,

    /// <summary>An enum's index names no symbol, or one that the reader neither knows nor has a default for.</summary>
    BadEnum,

    /// <summary>A union's index names no branch, or one that the reader has no counterpart for.</summary>
    BadUnion,

    /// <summary>A block of an array or map has another size than it says.</summary>
    BadBlock,

    /// <summary>Bytes are left over behind the last field.</summary>
    TrailingBytes,

    /// <summary>What comes out is larger than the bound, or has more items than the bound.</summary>
    TooLarge,

    /// <summary>Records are nested more deeply than the bound.</summary>
    TooDeep,
}
