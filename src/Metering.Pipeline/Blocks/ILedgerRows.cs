using Metering.ClickHouse.Native;

namespace Metering.Pipeline.Blocks;

/// <summary>Rows under way to one table of the ledger.</summary>
internal interface ILedgerRows
{
    /// <summary>Without its database.</summary>
    string Table { get; }

    /// <summary>See <see cref="MeteredBlock"/>.</summary>
    bool IsCounted { get; }

    NativeBlock Block { get; }

    /// <summary>The next block begins.</summary>
    void Reset() => Block.Reset();
}
